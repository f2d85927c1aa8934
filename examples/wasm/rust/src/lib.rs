//! House rules of a gateway, as a proxy-wasm filter. Its configuration is text of `key=value` words:
//!
//! - `deny=WORD`: a request whose User-Agent contains WORD gets a 403
//! - `via=TEXT`: written into the field `via` of each response
//! - `mask=WORD`: each WORD in a request body becomes as many `*`; the length stays
//! - `footer=TEXT`: put behind each response of the type text/html
//! - `auth=UPSTREAM`: asks `GET /check` of that service first, and answers 401 unless it says 200

use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};
use std::rc::Rc;
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}

#[derive(Default)]
struct Rules {
    deny: Option<String>,
    via: Option<String>,
    mask: Option<String>,
    footer: Option<String>,
    auth: Option<String>,
    denied: u32,
}

#[derive(Default)]
struct Root {
    rules: Rc<Rules>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let text = self.get_plugin_configuration().unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut rules = Rules {
            denied: proxy_wasm::hostcalls::define_metric(MetricType::Counter, "house_rules.denied").unwrap_or(0),
            ..Rules::default()
        };
        for word in text.split_whitespace() {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) if !value.is_empty() => (key, Some(value.to_string())),
                _ => return false,
            };
            match key {
                "deny" => rules.deny = value,
                "via" => rules.via = value,
                "mask" => rules.mask = value,
                "footer" => rules.footer = value,
                "auth" => rules.auth = value,
                _ => return false,
            }
        }
        self.rules = Rc::new(rules);
        true
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Request { rules: self.rules.clone(), is_html: false }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Request {
    rules: Rc<Rules>,
    is_html: bool,
}

impl Context for Request {
    fn on_http_call_response(&mut self, _token: u32, headers: usize, _body: usize, _trailers: usize) {
        let status = self.get_http_call_response_header(":status");
        if headers > 0 && status.as_deref() == Some("200") {
            if let Some(user) = self.get_http_call_response_header("x-user") {
                self.set_http_request_header("x-user", Some(&user));
            }
            self.resume_http_request();
        } else {
            self.send_http_response(401, vec![("www-authenticate", "house")], Some(b"who are you?\n"));
        }
    }
}

impl HttpContext for Request {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        if let Some(word) = &self.rules.deny {
            let agent = self.get_http_request_header("user-agent").unwrap_or_default();
            if agent.contains(word.as_str()) {
                info!("refused {}", agent);
                let _ = proxy_wasm::hostcalls::increment_metric(self.rules.denied, 1);
                self.send_http_response(403, vec![("x-house", "rules")], Some(b"not in this house\n"));
                return Action::Pause;
            }
        }
        self.set_http_request_header("x-house", Some("seen"));
        if let Some(upstream) = &self.rules.auth {
            let path = self.get_http_request_header(":path").unwrap_or_default();
            let headers = vec![
                (":method", "GET"),
                (":path", "/check"),
                (":authority", "auth.example"),
                ("x-original-path", path.as_str()),
            ];
            if self.dispatch_http_call(upstream, headers, None, vec![], Duration::from_secs(5)).is_ok() {
                return Action::Pause;
            }
            self.send_http_response(500, vec![], Some(b"no such upstream\n"));
            return Action::Pause;
        }
        Action::Continue
    }

    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        let word = match &self.rules.mask {
            Some(word) => word,
            None => return Action::Continue,
        };
        // A word may be cut in two by pieces: wait for all of it.
        if !end {
            return Action::Pause;
        }
        if let Some(body) = self.get_http_request_body(0, size) {
            let text = String::from_utf8_lossy(&body);
            if text.contains(word.as_str()) {
                let masked = text.replace(word.as_str(), &"*".repeat(word.len()));
                self.set_http_request_body(0, size, masked.as_bytes());
            }
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end: bool) -> Action {
        if let Some(via) = &self.rules.via {
            self.set_http_response_header("via", Some(via));
        }
        if self.rules.footer.is_some() {
            let kind = self.get_http_response_header("content-type").unwrap_or_default();
            self.is_html = kind.starts_with("text/html");
            if self.is_html {
                // The body gets longer.
                self.set_http_response_header("content-length", None);
            }
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if end && self.is_html {
            if let Some(footer) = &self.rules.footer {
                self.set_http_response_body(size, 0, footer.as_bytes());
            }
        }
        Action::Continue
    }
}
