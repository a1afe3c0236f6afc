//! Pushing blobs and an image, every answer checked.

use crate::Tally;
use crate::arguments::{Arguments, Server, Style};
use crate::connection::{Body, Connection, Response};
use crate::content::{Blob, Image, MANIFEST_TYPE, REPOSITORY, TAG};

const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

/// Pushes every blob once, over as many connections as asked.
///
/// # Errors
/// The first answer that was not the right one.
pub fn blobs(arguments: &Arguments, blobs: &[Blob], style: Style) -> Result<Tally, String> {
    crate::spread(arguments, |connection, n| match blobs.get(n) {
        Some(blob) => {
            blob_to(arguments.server, connection, blob, style).map(|()| Some(blob.bytes.len() as u64))
        }
        None => Ok(None),
    })
}

/// Pushes an image: its blobs, then its manifest.
///
/// # Errors
/// The first answer that was not the right one.
pub fn image(arguments: &Arguments, image: &Image) -> Result<Tally, String> {
    let mut tally = blobs(arguments, &image.blobs, Style::Whole)?;
    let mut connection = Connection::new(arguments.address, arguments.token.clone());
    let bytes = manifest(&mut connection, image, TAG)?;
    tally.add(Tally { bytes, operations: 1, connections: connection.opened() });
    Ok(tally)
}

/// Pushes the manifest of every image under a tag of its own; their blobs are there.
///
/// # Errors
/// The first answer that was not the right one.
pub fn manifests(arguments: &Arguments, images: &[Image]) -> Result<Tally, String> {
    crate::spread(arguments, |connection, n| {
        images.get(n).map(|image| manifest(connection, image, &format!("t{n}"))).transpose()
    })
}

fn manifest(connection: &mut Connection, image: &Image, tag: &str) -> Result<u64, String> {
    let target = format!("/v2/{REPOSITORY}/manifests/{tag}");
    let head = connection.head("PUT", &target, &format!("Content-Type: {MANIFEST_TYPE}\r\n"));
    let response = connection.exchange(&head, Body::Whole(&image.manifest.bytes), &[])?;
    require(&response, 201, "PUT of the manifest")?;
    Ok(image.manifest.bytes.len() as u64)
}

fn blob_to(server: Server, connection: &mut Connection, blob: &Blob, style: Style) -> Result<(), String> {
    match server {
        Server::Files => put_file(connection, blob, style),
        Server::Registry => upload(connection, blob, style),
    }
}

fn put_file(connection: &mut Connection, blob: &Blob, style: Style) -> Result<(), String> {
    let head = connection.head("PUT", &format!("/v2/{REPOSITORY}/blobs/{}", blob.digest), OCTETS);
    let body = match style {
        Style::Chunked => Body::Chunked(&blob.bytes),
        Style::Whole => Body::Whole(&blob.bytes),
    };
    require(&connection.exchange(&head, body, &[])?, 201, "PUT of a file")
}

fn upload(connection: &mut Connection, blob: &Blob, style: Style) -> Result<(), String> {
    let head = connection.head("POST", &format!("/v2/{REPOSITORY}/blobs/uploads/"), "");
    let begun = connection.exchange(&head, Body::Whole(&[]), &[])?;
    require(&begun, 202, "POST of an upload")?;
    let mut location = location(&begun)?;
    let rest: &[u8] = match style {
        Style::Whole => &blob.bytes,
        Style::Chunked => {
            let head = connection.head("PATCH", &location, OCTETS);
            let patched = connection.exchange(&head, Body::Chunked(&blob.bytes), &[])?;
            require(&patched, 202, "PATCH of an upload")?;
            let range = format!("0-{}", blob.bytes.len() - 1);
            if patched.header("range") != Some(range.as_str()) {
                return Err(format!("PATCH: Range is {:?}, not {range}", patched.header("range")));
            }
            location = self::location(&patched)?;
            &[]
        }
    };
    let joint = if location.contains('?') { '&' } else { '?' };
    let target = format!("{location}{joint}digest={}", blob.digest.replace(':', "%3A"));
    let head = connection.head("PUT", &target, OCTETS);
    let stored = connection.exchange(&head, Body::Whole(rest), &[])?;
    require(&stored, 201, "PUT of an upload")?;
    match stored.header("docker-content-digest") {
        Some(digest) if digest != blob.digest => Err(format!("stored as {digest}, not as {}", blob.digest)),
        Some(_) | None => Ok(()),
    }
}

/// Path and query of the Location, which may come as a whole URL.
fn location(response: &Response) -> Result<String, String> {
    let location = response.header("location").ok_or("an answer to an upload has no Location")?;
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map(|at| &rest[at..]),
        None => Some(location),
    };
    match path {
        Some(path) if path.starts_with('/') => Ok(path.to_owned()),
        Some(_) | None => Err(format!("cannot follow the Location {location}")),
    }
}

fn require(response: &Response, status: u16, what: &str) -> Result<(), String> {
    if response.status == status {
        Ok(())
    } else {
        Err(format!("{what}: answered {}, not {status}", response.describe()))
    }
}
