//! Reads messages of HTTP/1.1 without changing a byte of them.

use std::io::{self, BufRead, Error, ErrorKind, Read};

/// The longest line of a head or of chunked framing, bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;
/// The longest head, bytes.
const HEAD_BYTES_MAX: usize = 256 * 1024;
/// The largest piece of a body, bytes.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// The head of a message.
#[derive(Debug)]
pub struct Head {
    /// All of it, as it came.
    pub raw: Vec<u8>,
    /// The first line.
    pub line: String,
    /// Names in lower case, with their values.
    pub fields: Vec<(String, String)>,
}

impl Head {
    /// Reads a head; `None` if the peer closes before it.
    ///
    /// # Errors
    /// When the peer closes or falls silent within it, or sends something else.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        if from.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut raw = Vec::new();
        let line = read_line(from, &mut raw)?;
        let mut fields = Vec::new();
        loop {
            let field = read_line(from, &mut raw)?;
            if field.is_empty() {
                return Ok(Some(Self { raw, line, fields }));
            }
            let (name, value) = field.split_once(':').ok_or_else(|| broken("a head line is no field"))?;
            fields.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            if raw.len() > HEAD_BYTES_MAX {
                return Err(broken("a head without end"));
            }
        }
    }

    /// The value of the first field of that name (in lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All of it with another value of a field (its name in lower case); as it came if there is no such field.
    pub fn replacing(&self, name: &str, value: &str) -> Vec<u8> {
        let Some((_, old)) = self.fields.iter().find(|(known, _)| known == name) else {
            return self.raw.clone();
        };
        let text = String::from_utf8_lossy(&self.raw);
        let line = |line: &str| match line.split_once(':') {
            Some((found, _)) if found.eq_ignore_ascii_case(name) => line.replacen(old.as_str(), value, 1),
            Some(_) | None => line.to_owned(),
        };
        text.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n").into_bytes()
    }

    /// The word of the first line at this place.
    pub fn word(&self, index: usize) -> &str {
        self.line.split(' ').nth(index).unwrap_or_default()
    }

    /// The status, if it is a response.
    pub fn status(&self) -> Option<u16> {
        self.word(1).parse().ok()
    }

    /// Whether the connection ends after this message.
    pub fn closes(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// Whether the client waits to be told to go on.
    pub fn expects_100(&self) -> bool {
        self.field("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
    }

    /// The body of this request.
    pub fn request_body(&self) -> Body {
        self.body(Body::End)
    }

    /// The body of this response to a request of `method`.
    pub fn response_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), Some(204 | 304)) {
            return Body::End;
        }
        self.body(Body::ToClose)
    }

    fn body(&self, otherwise: Body) -> Body {
        if self.field("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Body::ChunkSize;
        }
        let length = self.field("content-length").and_then(|value| value.parse().ok());
        length.map_or(otherwise, Body::Bytes)
    }
}

/// What is still to come of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// So many bytes.
    Bytes(u64),
    /// All until the peer closes.
    ToClose,
    /// The line before a chunk.
    ChunkSize,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of the line that ends a chunk.
    ChunkEnd,
    /// Fields after the last chunk.
    Trailers,
    /// Nothing.
    End,
}

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Content.
    Content,
    /// What stands around it.
    Framing,
}

impl Body {
    /// Reads the next piece, as it came, into `piece`; `None` at the end of the body.
    ///
    /// # Errors
    /// `UnexpectedEof` when the peer closes before the end.
    pub fn next(&mut self, from: &mut impl BufRead, piece: &mut Vec<u8>) -> io::Result<Option<Piece>> {
        piece.clear();
        let kind = match *self {
            Self::End | Self::Bytes(0) => return Ok(None),
            Self::Bytes(left) => {
                *self = Self::Bytes(left - read_some(from, left, piece)?);
                Piece::Content
            }
            Self::ToClose => match read_some(from, u64::MAX, piece) {
                Ok(_) => Piece::Content,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    *self = Self::End;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            },
            Self::ChunkSize => {
                let line = read_line(from, piece)?;
                let size = line.split(';').next().unwrap_or_default();
                let size =
                    u64::from_str_radix(size.trim(), 16).map_err(|_| broken("not the size of a chunk"))?;
                *self = if size == 0 { Self::Trailers } else { Self::Chunk(size) };
                Piece::Framing
            }
            Self::Chunk(left) => {
                let rest = left - read_some(from, left, piece)?;
                *self = if rest == 0 { Self::ChunkEnd } else { Self::Chunk(rest) };
                Piece::Content
            }
            Self::ChunkEnd => {
                read_line(from, piece)?;
                *self = Self::ChunkSize;
                Piece::Framing
            }
            Self::Trailers => {
                if read_line(from, piece)?.is_empty() {
                    *self = Self::End;
                }
                Piece::Framing
            }
        };
        Ok(Some(kind))
    }
}

/// Adds at least one byte and at most `most` to `piece`; returns their number.
fn read_some(from: &mut impl BufRead, most: u64, piece: &mut Vec<u8>) -> io::Result<u64> {
    let bytes = from.fill_buf()?;
    if bytes.is_empty() {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let taken = bytes.len().min(PIECE_BYTES_MAX).min(usize::try_from(most).unwrap_or(usize::MAX));
    piece.extend_from_slice(&bytes[..taken]);
    from.consume(taken);
    Ok(taken as u64)
}

/// Adds a line to `raw`; returns it without its end.
fn read_line(from: &mut impl BufRead, raw: &mut Vec<u8>) -> io::Result<String> {
    let begin = raw.len();
    from.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', raw)?;
    let line = raw[begin..].strip_suffix(b"\r\n").ok_or(ErrorKind::UnexpectedEof)?;
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn broken(text: &str) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a whole body: all its bytes, and its content.
    fn read(mut body: Body, mut bytes: &[u8]) -> io::Result<(Vec<u8>, Vec<u8>)> {
        let (mut all, mut content, mut piece) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(kind) = body.next(&mut bytes, &mut piece)? {
            all.extend_from_slice(&piece);
            if kind == Piece::Content {
                content.extend_from_slice(&piece);
            }
        }
        Ok((all, content))
    }

    #[test]
    fn bodies_pass_unchanged() -> io::Result<()> {
        for (body, bytes, content) in [
            (Body::End, "", ""),
            (Body::Bytes(0), "", ""),
            (Body::Bytes(5), "hello", "hello"),
            (Body::ToClose, "hello", "hello"),
            (Body::ChunkSize, "0\r\n\r\n", ""),
            (Body::ChunkSize, "3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n", "hello"),
        ] {
            let (all, found) = read(body, bytes.as_bytes())?;
            assert_eq!((all.as_slice(), found.as_slice()), (bytes.as_bytes(), content.as_bytes()));
        }
        Ok(())
    }

    #[test]
    fn what_follows_a_body_is_left() -> io::Result<()> {
        let mut bytes = &b"2\r\nlo\r\n0\r\n\r\nGET"[..];
        let (mut body, mut piece) = (Body::ChunkSize, Vec::new());
        while body.next(&mut bytes, &mut piece)?.is_some() {}
        assert_eq!(bytes, b"GET");
        Ok(())
    }

    #[test]
    fn cut_bodies_are_errors() {
        for (body, bytes) in [
            (Body::Bytes(5), "hell"),
            (Body::ChunkSize, ""),
            (Body::ChunkSize, "3\r\nhe"),
            (Body::ChunkSize, "3\r\nhel\r\n"),
            (Body::ChunkSize, "3\r\nhel\r\n0\r\n"),
            (Body::ChunkSize, "x\r\n"),
        ] {
            assert!(read(body, bytes.as_bytes()).is_err(), "{body:?} {bytes:?}");
        }
    }
}
