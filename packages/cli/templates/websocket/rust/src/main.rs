use lambda_runtime::{run, service_fn, Error, LambdaEvent};
use serde_json::{json, Value};

/// A client came (CONNECT: a status of 200 lets it in), said something (MESSAGE: the body of the answer goes back to it), or went (DISCONNECT).
async fn handler(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let context = &event.payload["requestContext"];
    let what = context["eventType"].as_str().unwrap_or_default();
    if what != "MESSAGE" {
        println!("{}: {what}", context["connectionId"].as_str().unwrap_or_default());
        return Ok(json!({ "statusCode": 200 }));
    }
    let said = event.payload["body"].as_str().unwrap_or_default();
    Ok(json!({ "statusCode": 200, "body": format!("you said: {said}") }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handler)).await
}
