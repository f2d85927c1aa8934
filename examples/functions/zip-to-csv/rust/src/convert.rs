use serde_json::Value;
use std::error::Error;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Of the JSON, unpacked: a small zip may hold gigabytes.
const MAX_JSON_BYTES: u64 = 50_000_000;

/// The first .json file of a zip, which must be a list of flat objects, as CSV (RFC 4180) with its number of rows.
pub fn to_csv(zip: &[u8]) -> Result<(Vec<u8>, usize), Box<dyn Error + Send + Sync>> {
    let Value::Array(rows) = serde_json::from_slice(&json_of(zip)?)? else {
        return Err("the JSON is no list".into());
    };
    let mut columns: Vec<&str> = Vec::new();
    for row in &rows {
        let object = row.as_object().ok_or("the JSON is no list of objects")?;
        for name in object.keys() {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
    }
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    csv.write_record(&columns)?;
    for row in &rows {
        csv.write_record(columns.iter().map(|name| cell(&row[*name])))?;
    }
    Ok((csv.into_inner()?, rows.len()))
}

fn json_of(zip: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).map_err(|problem| format!("this is no zip: {problem}"))?;
    let name = archive.file_names().flatten().find(|name| name.ends_with(".json")).map(|name| name.into_owned());
    let file = archive.by_name(&name.ok_or("there is no .json file in the zip")?)?;
    let mut json = Vec::new();
    file.take(MAX_JSON_BYTES + 1).read_to_end(&mut json)?;
    if json.len() as u64 > MAX_JSON_BYTES {
        return Err(format!("the JSON is larger than {MAX_JSON_BYTES} bytes").into());
    }
    Ok(json)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
