use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use std::env;
use std::error::Error;
use std::time::Duration;
use ureq::Agent;

/// Of a signature: a request follows at once.
const VALID: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Of a zip that arrives.
const MAX_OBJECT_BYTES: u64 = 50_000_000;

/// An S3-compatible store, by the variables S3_ENDPOINT, S3_BUCKET and those of the AWS SDKs.
pub struct Store {
    endpoint: String,
    region: String,
    /// Where results go.
    bucket: String,
    credentials: Credentials,
    agent: Agent,
}

impl Store {
    pub fn from_environment() -> Result<Self, String> {
        let key = (variable("S3_ACCESS_KEY_ID")?, variable("S3_SECRET_ACCESS_KEY")?);
        Ok(Store {
            endpoint: variable("S3_ENDPOINT")?,
            region: env::var("S3_REGION").unwrap_or_else(|_| "us-east-1".into()),
            bucket: variable("S3_BUCKET")?,
            credentials: Credentials::new(key.0, key.1),
            agent: Agent::config_builder().timeout_global(Some(TIMEOUT)).build().into(),
        })
    }

    pub fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let url = self.bucket(bucket)?.get_object(Some(&self.credentials), key).sign(VALID);
        let mut answer = self.agent.get(url.as_str()).call().map_err(|problem| format!("{bucket}/{key}: {problem}"))?;
        Ok(answer.body_mut().with_config().limit(MAX_OBJECT_BYTES).read_to_vec()?)
    }

    pub fn put(&self, key: &str, csv: Vec<u8>) -> Result<(), Box<dyn Error + Send + Sync>> {
        let url = self.bucket(&self.bucket)?.put_object(Some(&self.credentials), key).sign(VALID);
        let request = self.agent.put(url.as_str()).header("content-type", "text/csv; charset=utf-8");
        request.send(&csv[..]).map_err(|problem| format!("{}/{key}: {problem}", self.bucket))?;
        Ok(())
    }

    fn bucket(&self, name: &str) -> Result<Bucket, Box<dyn Error + Send + Sync>> {
        Ok(Bucket::new(self.endpoint.parse()?, UrlStyle::Path, name.to_owned(), self.region.clone())?)
    }
}

fn variable(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("the variable {name} is not set"))
}
