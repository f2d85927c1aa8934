use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

/// GET /hello/Ada greets Ada. The event is that of a function URL or an HTTP API (payload format 2.0).
async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let request = event.payload;
    let path = request["rawPath"].as_str().unwrap_or("/");
    let method = request["requestContext"]["http"]["method"].as_str().unwrap_or("GET");
    Ok(match (method, path.strip_prefix("/hello/")) {
        ("GET", Some(name)) => answer(200, json!({ "message": format!("hello, {name}") })),
        (_, Some(_)) => answer(405, json!({ "message": "only GET" })),
        _ => answer(404, json!({ "message": format!("nothing is at {path}") })),
    })
}

fn answer(status: u16, body: Value) -> Value {
    json!({ "statusCode": status, "headers": { "content-type": "application/json" }, "body": body.to_string() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
