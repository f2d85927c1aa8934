use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

/// A batch of messages. Those that are named in the answer come again, with FunctionResponseTypes: [ReportBatchItemFailures].
async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in event.payload["Records"].as_array().into_iter().flatten() {
        let body = record["body"].as_str().unwrap_or_default();
        if let Err(error) = serde_json::from_str(body).map_err(Error::from).and_then(take) {
            eprintln!("message {}: {error}", record["messageId"]);
            failures.push(json!({ "itemIdentifier": record["messageId"] }));
        }
    }
    Ok(json!({ "batchItemFailures": failures }))
}

/// What is to be done with one message.
fn take(message: Value) -> Result<(), Error> {
    println!("got {message}");
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
