//! What the environment says.

use std::{env, net::SocketAddr, time::Duration};

/// The same names and defaults as the TypeScript Greeter has, as far as both have the setting.
pub struct Settings {
    pub address: SocketAddr,
    pub stop_delay: Duration,
    pub drain_limit: Duration,
}

pub const HELP: &str = "\
The Greeter of proto/helloworld.proto: a gRPC service with health and reflection.

Usage: greeter            serves
       greeter --check    asks one that runs with the same settings for its health: exit status 0 = SERVING
       greeter --help     prints this

Settings, from the environment:
  HOST             address to listen on                                      127.0.0.1
  PORT             port to listen on, 0 = any                                50051
  STOP_DELAY_MS    from NOT_SERVING to refusing connections                  0
  DRAIN_LIMIT_MS   how long calls in flight may take to end after that       10000
  LOG_LEVEL        trace, debug, info, warn, error, off                      info

SIGTERM and SIGINT stop it: health turns NOT_SERVING, calls in flight end, a second signal ends them at once.
";

impl Settings {
    /// Or a sentence that says which variable is wrong.
    pub fn from_environment() -> Result<Self, String> {
        let host = env::var("HOST").unwrap_or_else(|_| "127.0.0.1".into());
        let port = whole_number("PORT", 50_051, u64::from(u16::MAX))?;
        // An IPv6 address stands in brackets before a port.
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host };
        Ok(Self {
            address: format!("{bracketed}:{port}")
                .parse()
                .map_err(|_| format!("HOST must be an IP address, not {bracketed}"))?,
            stop_delay: Duration::from_millis(whole_number("STOP_DELAY_MS", 0, 600_000)?),
            drain_limit: Duration::from_millis(whole_number("DRAIN_LIMIT_MS", 10_000, 600_000)?),
        })
    }
}

fn whole_number(name: &str, default: u64, max: u64) -> Result<u64, String> {
    let Ok(text) = env::var(name) else { return Ok(default) };
    match text.parse() {
        Ok(number) if number <= max => Ok(number),
        _ => Err(format!("{name} must be a whole number from 0 to {max}, not {text}")),
    }
}
