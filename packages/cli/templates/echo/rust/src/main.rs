use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::Value;

/// Answers what it gets.
async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    Ok(event.payload)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
