//! The Greeter, with health, reflection and a graceful stop.

mod check_health;
mod greeter;
mod settings;

use std::{env, error::Error, process::ExitCode};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::{sleep, timeout},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{server::NamedService, transport::Server};
use tonic_health::server::HealthReporter;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

use check_health::check_health;
use greeter::MyGreeter;
use helloworld::greeter_server::GreeterServer;
use settings::{HELP, Settings};

mod helloworld {
    tonic::include_proto!("helloworld");
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/helloworld.bin"));
}

type Greeter = GreeterServer<MyGreeter>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("greeter: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--help" | "-h"] => print!("{HELP}"),
        ["--check"] => check_health(Settings::from_environment()?).await?,
        [] => serve(Settings::from_environment()?).await?,
        _ => return Err(format!("what is {}? Settings come from the environment: see --help", args.join(" ")).into()),
    }
    Ok(())
}

async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let level = env::var("LOG_LEVEL").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().json().flatten_event(true).with_env_filter(EnvFilter::new(level)).init();
    let (mut reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<Greeter>().await;
    // grpcurl asks for v1 and falls back to v1alpha; older tools know the latter only.
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(helloworld::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let mut signals = Signals::new()?;
    let listener = TcpListener::bind(settings.address).await?;
    info!(address = %listener.local_addr()?, "listening");

    let (stop, stopped) = oneshot::channel::<()>();
    let mut serving = tokio::spawn(
        Server::builder()
            .add_service(health)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?)
            .add_service(GreeterServer::new(MyGreeter))
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                stopped.await.ok();
            }),
    );
    tokio::select! {
        ended = &mut serving => return Ok(ended??),
        () = signals.next() => {}
    }

    info!("stopping");
    not_serving(&reporter).await;
    sleep(settings.stop_delay).await;
    end_watches(&mut reporter).await;
    stop.send(()).ok();
    tokio::select! {
        ended = timeout(settings.drain_limit, &mut serving) => match ended {
            Ok(ended) => ended??,
            Err(_) => warn!("calls were still in flight at the limit, and are broken off"),
        },
        () = signals.next() => warn!("a second signal: calls in flight are broken off"),
    }
    info!("stopped");
    Ok(())
}

/// Load balancers that watch stop sending before connections are refused.
async fn not_serving(reporter: &HealthReporter) {
    reporter.set_not_serving::<Greeter>().await;
    reporter.set_service_status("", tonic_health::ServingStatus::NotServing).await;
}

/// Who watches would never hang up, and the stop would wait for it to the limit.
async fn end_watches(reporter: &mut HealthReporter) {
    for service in [Greeter::NAME, ""] {
        reporter.clear_service_status(service).await;
    }
}

/// SIGTERM is how container platforms ask for the end, SIGINT how a terminal does.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
