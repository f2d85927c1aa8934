//! A zip with a JSON file inside becomes CSV in an S3-compatible store.

mod convert;
mod store;

use base64::{prelude::BASE64_STANDARD, Engine};
use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};
use store::Store;

/// Where requests without a name of a file go.
const DEFAULT_NAME: &str = "upload";

/// A message of a store ("an object was created") or a request with a zip as its body.
fn handle(event: &Value, store: &Store) -> Result<Value, Error> {
    match event["Records"].as_array() {
        Some(records) => from_store(records, store),
        None => Ok(from_request(event, store)),
    }
}

fn from_store(records: &[Value], store: &Store) -> Result<Value, Error> {
    let mut written = Vec::new();
    for record in records {
        let bucket = text(&record["s3"]["bucket"]["name"])?;
        let key = decode_key(text(&record["s3"]["object"]["key"])?);
        let (csv, rows) = convert::to_csv(&store.get(bucket, &key)?)?;
        let target = format!("{}.csv", key.strip_suffix(".zip").unwrap_or(&key));
        store.put(&target, csv)?;
        println!("{bucket}/{key}: {rows} rows in {target}");
        written.push(json!({ "key": target, "rows": rows }));
    }
    Ok(json!({ "written": written }))
}

/// Mistakes of the sender are answered; what else fails is a failure of the function.
fn from_request(event: &Value, store: &Store) -> Value {
    let path = event["rawPath"].as_str().unwrap_or_default();
    let name = path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or(DEFAULT_NAME);
    let body = event["body"].as_str().unwrap_or_default();
    let zip = match event["isBase64Encoded"].as_bool() {
        Some(true) => BASE64_STANDARD.decode(body).unwrap_or_default(),
        _ => body.as_bytes().to_vec(),
    };
    let (csv, rows) = match convert::to_csv(&zip) {
        Ok(made) => made,
        Err(problem) => return answer(400, json!({ "message": problem.to_string() })),
    };
    let key = format!("uploads/{name}.csv");
    match store.put(&key, csv) {
        Ok(()) => answer(201, json!({ "key": key, "rows": rows })),
        Err(problem) => {
            eprintln!("{key}: {problem}");
            answer(502, json!({ "message": "the store does not take it" }))
        }
    }
}

fn answer(status: u16, body: Value) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body.to_string() })
}

fn text(value: &Value) -> Result<&str, Error> {
    value.as_str().ok_or_else(|| "the event is no message of a store".into())
}

/// Keys in events are encoded as in a form: a space is `+`.
fn decode_key(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (byte, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
                continue;
            }
            (b'+', _) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let store = &Store::from_environment()?;
    run(service_fn(|event: LambdaEvent<Value>| async move { handle(&event.payload, store) })).await
}
