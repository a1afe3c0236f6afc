//! Reading blobs and manifests, every byte of the answers checked.

use std::time::Instant;

use crate::Tally;
use crate::arguments::{Arguments, Job};
use crate::connection::{Body, Connection};
use crate::content::{Blob, Image, MANIFEST_TYPE, REPOSITORY, TAG};

/// One request to be repeated, and the only right answer to it.
#[derive(Debug)]
pub struct Read<'a> {
    head: String,
    body: &'a [u8],
    content_length: usize,
    /// The media type to be answered with, where one was pushed.
    content_type: Option<&'static str>,
}

impl<'a> Read<'a> {
    /// One GET per blob.
    pub fn blobs(arguments: &Arguments, blobs: &'a [Blob]) -> Vec<Self> {
        blobs.iter().map(|blob| Read::of_blob(arguments, "GET", blob)).collect()
    }

    /// The request of the job that is measured in requests.
    pub fn of_image(arguments: &Arguments, image: &'a Image) -> Self {
        match arguments.job {
            Job::HeadBlob => Read { body: &[], ..Read::of_blob(arguments, "HEAD", &image.blobs[1]) },
            Job::GetManifest => {
                let target = format!("/v2/{REPOSITORY}/manifests/{TAG}");
                let accept = format!("Accept: {MANIFEST_TYPE}\r\n");
                Read {
                    head: head(arguments, "GET", &target, &accept),
                    body: &image.manifest.bytes,
                    content_length: image.manifest.bytes.len(),
                    content_type: Some(MANIFEST_TYPE),
                }
            }
            Job::GetBlob | Job::Prepare | Job::Push(_) | Job::PushManifest | Job::Pull => {
                Read::of_blob(arguments, "GET", &image.blobs[1])
            }
        }
    }

    fn of_blob(arguments: &Arguments, method: &str, blob: &'a Blob) -> Self {
        let target = format!("/v2/{REPOSITORY}/blobs/{}", blob.digest);
        Read {
            head: head(arguments, method, &target, "Accept: */*\r\n"),
            body: &blob.bytes,
            content_length: blob.bytes.len(),
            content_type: None,
        }
    }

    fn once(&self, connection: &mut Connection) -> Result<u64, String> {
        let response = connection.exchange(&self.head, Body::None, self.body)?;
        let request = self.head.lines().next().unwrap_or_default();
        if response.status != 200 {
            return Err(format!("{request}: answered {}, not 200", response.describe()));
        }
        let length = response.header("content-length").and_then(|text| text.parse().ok());
        if length != Some(self.content_length) {
            return Err(format!("{request}: Content-Length is {length:?}, not {}", self.content_length));
        }
        if self.content_type.is_some_and(|kind| response.header("content-type") != Some(kind)) {
            return Err(format!("{request}: Content-Type is {:?}", response.header("content-type")));
        }
        if !response.matches {
            return Err(format!(
                "{request}: the {} bytes are not those that were pushed",
                response.body_bytes
            ));
        }
        Ok(response.body_bytes)
    }
}

/// Repeats the reads in turn: each at least once, and on until the asked time has passed.
///
/// # Errors
/// The first answer that was not the right one.
pub fn all(arguments: &Arguments, reads: &[Read]) -> Result<Tally, String> {
    let start = Instant::now();
    crate::spread(arguments, |connection, n| {
        if n >= reads.len() && start.elapsed() >= arguments.duration {
            return Ok(None);
        }
        reads[n % reads.len()].once(connection).map(Some)
    })
}

/// Reads what was pushed back, byte for byte.
///
/// # Errors
/// The first blob that is not there as it was pushed.
pub fn check(arguments: &Arguments, blobs: &[Blob]) -> Result<(), String> {
    let mut connection = Connection::new(arguments.address, arguments.token.clone());
    Read::blobs(arguments, blobs).iter().try_for_each(|read| read.once(&mut connection).map(drop))
}

fn head(arguments: &Arguments, method: &str, target: &str, fields: &str) -> String {
    Connection::new(arguments.address, arguments.token.clone()).head(method, target, fields)
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// What one GET of the three bytes `abc` makes of a server's answer, which ends with the connection.
    fn get_abc(answer: &'static str) -> Result<u64, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| e.to_string())?;
        let address = listener.local_addr().map_err(|e| e.to_string())?;
        let server = std::thread::spawn(move || -> std::io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                request.extend_from_slice(&byte);
            }
            stream.write_all(answer.as_bytes())
        });
        let mut connection = Connection::new(address, None);
        let head = connection.head("GET", "/", "");
        let read = Read { head, body: b"abc", content_length: 3, content_type: None };
        let outcome = read.once(&mut connection);
        server.join().map_err(|_| "the server panicked")?.map_err(|e| e.to_string())?;
        outcome
    }

    #[test]
    fn right_answer_counts_its_bytes() {
        assert_eq!(get_abc("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), Ok(3));
        let after_interim = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert_eq!(get_abc(after_interim), Ok(3));
    }

    #[test]
    fn wrong_answers_fail() {
        for (answer, reason) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabd", "not those that were pushed"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", "Content-Length is Some(2)"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", "Content-Length is Some(4)"),
            ("HTTP/1.1 200 OK\r\n\r\nabc", "Content-Length is None"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", "closed after 2 of 3 bytes"),
            ("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc", "answered 206"),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", "answered 404 gone"),
            ("", "closed without an answer"),
        ] {
            let outcome = get_abc(answer);
            assert!(outcome.as_ref().is_err_and(|e| e.contains(reason)), "{answer:?}: {outcome:?}");
        }
    }
}
