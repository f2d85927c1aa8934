//! Asks a server that runs whether it is SERVING, for images that have no other client.

use std::{error::Error, time::Duration};

use tonic::transport::Endpoint;
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_client::HealthClient},
};

use crate::settings::Settings;

/// Long for a server on the same machine.
const TIMEOUT: Duration = Duration::from_secs(2);

pub async fn check_health(settings: Settings) -> Result<(), Box<dyn Error>> {
    let mut address = settings.address;
    if address.ip().is_unspecified() {
        // A server that listens on every address.
        address.set_ip([127, 0, 0, 1].into());
    }
    let channel =
        Endpoint::try_from(format!("http://{address}"))?.connect_timeout(TIMEOUT).timeout(TIMEOUT).connect().await?;
    let reply = HealthClient::new(channel).check(HealthCheckRequest::default()).await?.into_inner();
    if reply.status == ServingStatus::Serving as i32 { Ok(()) } else { Err(format!("{:?}", reply.status()).into()) }
}
