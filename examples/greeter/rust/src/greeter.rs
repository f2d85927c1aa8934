//! The four methods.

use std::{pin::Pin, time::Duration};

use tokio::time::sleep;
use tokio_stream::{Stream, StreamExt, iter};
use tonic::{Request, Response, Status, Streaming};

use crate::helloworld::{HelloReply, HelloRequest, greeter_server::Greeter};

const MAX_DELAY_MS: u32 = 60_000;
const MAX_COUNT: u32 = 1_000;
const DEFAULT_COUNT: u32 = 5;
/// LotsOfGreetings names so many and counts the others: a client may send names for ever.
const MAX_NAMED: usize = 3;

pub struct MyGreeter;

type Replies = Pin<Box<dyn Stream<Item = Result<HelloReply, Status>> + Send>>;

#[tonic::async_trait]
impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let request = checked(request.into_inner())?;
        pause(&request).await;
        Ok(Response::new(hello(&request.name)))
    }

    type SayHelloStreamReplyStream = Replies;

    async fn say_hello_stream_reply(
        &self,
        request: Request<HelloRequest>,
    ) -> Result<Response<Self::SayHelloStreamReplyStream>, Status> {
        let request = checked(request.into_inner())?;
        let count = if request.count == 0 { DEFAULT_COUNT } else { request.count };
        let replies = iter(1..=count).then(move |at| {
            let request = request.clone();
            async move {
                pause(&request).await;
                Ok(hello(&format!("{}, {at} of {count}", request.name)))
            }
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn lots_of_greetings(
        &self,
        request: Request<Streaming<HelloRequest>>,
    ) -> Result<Response<HelloReply>, Status> {
        let mut requests = request.into_inner();
        let mut named = Vec::new();
        let mut others = 0_u64;
        let mut longest = HelloRequest::default();
        while let Some(request) = requests.message().await? {
            let request = checked(request)?;
            longest.delay_ms = longest.delay_ms.max(request.delay_ms);
            if named.len() < MAX_NAMED { named.push(request.name) } else { others += 1 }
        }
        if named.is_empty() {
            return Err(Status::invalid_argument("nobody to greet: the stream of requests was empty"));
        }
        pause(&longest).await;
        let more = if others == 0 { String::new() } else { format!(" and {others} more") };
        Ok(Response::new(hello(&format!("{}{more}", named.join(", ")))))
    }

    type SayHelloBidiStreamStream = Replies;

    async fn say_hello_bidi_stream(
        &self,
        request: Request<Streaming<HelloRequest>>,
    ) -> Result<Response<Self::SayHelloBidiStreamStream>, Status> {
        let replies = request.into_inner().then(|request| async {
            let request = checked(request?)?;
            pause(&request).await;
            Ok(hello(&request.name))
        });
        Ok(Response::new(Box::pin(replies)))
    }
}

fn hello(whom: &str) -> HelloReply {
    HelloReply { message: format!("Hello {whom}") }
}

async fn pause(request: &HelloRequest) {
    if request.delay_ms > 0 {
        sleep(Duration::from_millis(request.delay_ms.into())).await;
    }
}

/// The request, or why it is refused.
fn checked(request: HelloRequest) -> Result<HelloRequest, Status> {
    if request.name.is_empty() {
        return Err(Status::invalid_argument("the name is empty; say who is there, as “Zoë” or 「関所」"));
    }
    if request.delay_ms > MAX_DELAY_MS {
        return Err(Status::invalid_argument(format!("delay_ms is {MAX_DELAY_MS} at most, not {}", request.delay_ms)));
    }
    if request.count > MAX_COUNT {
        return Err(Status::invalid_argument(format!("count is {MAX_COUNT} at most, not {}", request.count)));
    }
    Ok(request)
}
