//! The table of behaviours on the `lambda_runtime` crate.

use lambda_runtime::streaming::{channel, Body, Response};
use lambda_runtime::{run, service_fn, Error, FunctionResponse, LambdaEvent};
use serde_json::{json, Value};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process, time::Duration};
use tokio::time::sleep;

static CALLS: AtomicU32 = AtomicU32::new(0);

type Answer = FunctionResponse<Value, Body>;

async fn handler(event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let memory = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    let event = event.payload;
    let answer = match event["do"].as_str().unwrap_or("echo") {
        "error" => return Err("asked to fail".into()),
        "crash" => process::abort(),
        "exit" => process::exit(7),
        "memory" => take_memory(),
        "sleep" => {
            let ms = event["ms"].as_u64().unwrap_or(0);
            sleep(Duration::from_millis(ms)).await;
            json!({ "slept": ms })
        }
        "huge" => json!("x".repeat(7_000_000)),
        "stream" => return Ok(stream()),
        "environment" => env::vars().map(|(name, value)| (name, Value::from(value))).collect(),
        "write" => json!({ "file": count_in_file()?, "memory": memory }),
        "log" => {
            println!("to stdout");
            eprintln!("to stderr");
            Value::Null
        }
        _ => event,
    };
    Ok(FunctionResponse::BufferedResponse(answer))
}

fn stream() -> Answer {
    let (mut sender, body) = channel();
    tokio::spawn(async move {
        for piece in ["one", "two", "three"] {
            sleep(Duration::from_millis(5)).await;
            if sender.send_data(piece.into()).await.is_err() {
                return;
            }
        }
    });
    FunctionResponse::StreamingResponse(Response::from(body))
}

fn take_memory() -> ! {
    let mut held: Vec<Vec<u8>> = Vec::new();
    loop {
        held.push(vec![held.len() as u8 | 1; 1 << 20]);
    }
}

fn count_in_file() -> Result<u32, Error> {
    let path = env::var("TMPDIR").unwrap_or("/tmp".into()) + "/count";
    let count = fs::read_to_string(&path).ok().and_then(|text| text.parse().ok()).unwrap_or(0) + 1;
    fs::write(path, count.to_string())?;
    Ok(count)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let wish = env::var("INIT_DO").unwrap_or_default();
    match wish.split_once(':').unwrap_or((&wish, "")) {
        ("exit", _) => process::exit(7),
        ("crash", _) => process::abort(),
        ("error", _) => return Err("asked to fail".into()),
        ("sleep", ms) => sleep(Duration::from_millis(ms.parse()?)).await,
        _ => (),
    }
    run(service_fn(handler)).await
}
