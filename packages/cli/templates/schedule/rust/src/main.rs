use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

/// Called by a schedule; `time` is when it was due.
async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let time = &event.payload["time"];
    println!("running for {time}");
    Ok(json!({ "ran": time }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
