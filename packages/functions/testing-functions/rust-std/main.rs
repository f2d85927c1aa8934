//! A bootstrap on the standard library alone: one connection, a response and the wish for the next event in one write.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::{env, fs, process, thread, time::Duration};

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n";

struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    fn open() -> Self {
        let address = env::var("AWS_LAMBDA_RUNTIME_API").expect("AWS_LAMBDA_RUNTIME_API");
        let stream = TcpStream::connect(address).expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        Connection { stream, unread: Vec::with_capacity(65_536) }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
    }

    /// The next answer: head and body.
    fn read(&mut self) -> (String, Vec<u8>) {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.receive();
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        let length: usize = header(&head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
        while self.unread.len() < end + 4 + length {
            self.receive();
        }
        let body = self.unread[end + 4..end + 4 + length].to_vec();
        self.unread.drain(..end + 4 + length);
        (head, body)
    }

    fn receive(&mut self) {
        let mut piece = [0; 65_536];
        match self.stream.read(&mut piece) {
            Ok(0) | Err(_) => process::exit(1),
            Ok(length) => self.unread.extend_from_slice(&piece[..length]),
        }
    }

    fn post(&mut self, path: &str, headers: &str, body: &[u8], then: &str) {
        let head = format!("POST /2018-06-01/runtime{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        self.write(&[head.as_bytes(), body, then.as_bytes()].concat());
        self.read();
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// Value of a member of a flat object, as it is written.
fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let start = json.find(&format!("\"{name}\":"))? + name.len() + 3;
    let rest = json[start..].trim_start();
    Some(match rest.strip_prefix('"') {
        Some(text) => &text[..text.find('"')?],
        None => &rest[..rest.find([',', '}'])?],
    })
}

fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => { json.push('\\'); json.push(char) }
            char if (char as u32) < 32 => json.push_str(&format!("\\u{:04x}", char as u32)),
            char => json.push(char),
        }
    }
    json + "\""
}

fn failure(message: &str) -> Vec<u8> {
    format!("{{\"errorMessage\":{},\"errorType\":\"TestError\",\"stackTrace\":[]}}", quoted(message)).into_bytes()
}

fn count_in_file() -> u32 {
    let path = env::var("TMPDIR").unwrap_or("/tmp".into()) + "/count";
    let count = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0) + 1;
    fs::write(path, format!("{count}")).expect("/tmp");
    count
}

fn take_memory() -> ! {
    let mut held = Vec::new();
    loop {
        held.push(vec![held.len() as u8 | 1; 1 << 20]);
    }
}

fn at_init(connection: &mut Connection) {
    let wish = env::var("INIT_DO").unwrap_or_default();
    match wish.split_once(':').unwrap_or((&wish, "")) {
        ("exit", _) => process::exit(7),
        ("crash", _) => process::abort(),
        ("error", _) => {
            connection.post("/init/error", "Lambda-Runtime-Function-Error-Type: TestError\r\n", &failure("asked to fail"), "");
            process::exit(1)
        }
        ("sleep", ms) => thread::sleep(Duration::from_millis(ms.parse().expect("INIT_DO=sleep:MS"))),
        _ => (),
    }
}

fn main() {
    let mut connection = Connection::open();
    at_init(&mut connection);
    let mut calls = 0;
    connection.write(NEXT.as_bytes());
    loop {
        let (head, body) = connection.read();
        calls += 1;
        let id = header(&head, "lambda-runtime-aws-request-id").expect("request id");
        let response = format!("/invocation/{id}/response");
        let event = String::from_utf8_lossy(&body);
        let wish = member(&event, "do").unwrap_or("echo");
        let answer = match wish {
            "error" => {
                let headers = "Lambda-Runtime-Function-Error-Type: Function.TestError\r\n";
                connection.post(&format!("/invocation/{id}/error"), headers, &failure("asked to fail"), NEXT);
                continue;
            }
            "crash" => process::abort(),
            "exit" => process::exit(7),
            "memory" => take_memory(),
            "sleep" => {
                let ms = member(&event, "ms").and_then(|ms| ms.parse().ok()).unwrap_or(0);
                thread::sleep(Duration::from_millis(ms));
                format!("{{\"slept\":{ms}}}").into_bytes()
            }
            "huge" => format!("\"{}\"", "x".repeat(7_000_000)).into_bytes(),
            "stream" => {
                let headers = "Content-Type: text/plain\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n";
                connection.write(format!("POST /2018-06-01/runtime{response} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").as_bytes());
                for piece in ["one", "two", "three"] {
                    connection.write(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes());
                    thread::sleep(Duration::from_millis(5));
                }
                connection.write(format!("0\r\n\r\n{NEXT}").as_bytes());
                connection.read();
                continue;
            }
            "environment" => {
                let pairs: Vec<String> = env::vars().map(|(name, value)| format!("{}:{}", quoted(&name), quoted(&value))).collect();
                format!("{{{}}}", pairs.join(",")).into_bytes()
            }
            "write" => format!("{{\"file\":{},\"memory\":{calls}}}", count_in_file()).into_bytes(),
            "log" => {
                println!("to stdout");
                eprintln!("to stderr");
                b"null".to_vec()
            }
            _ => body.clone(),
        };
        connection.post(&response, "Content-Type: application/json\r\n", &answer, NEXT);
    }
}
