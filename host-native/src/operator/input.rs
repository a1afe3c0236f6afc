use std::fs::File;
use std::io::{self, SeekFrom, Stdin};

use bytes::{Bytes, BytesMut};
use futures_lite::{AsyncReadExt as _, AsyncSeekExt as _};
use smol::Unblock;

/// What is to be stored.
#[derive(Debug)]
pub enum Input {
    /// A file, which can be read again.
    File(Unblock<File>),
    /// Standard input, or another pipe, which cannot.
    Pipe(Unblock<Stdin>),
}

impl Input {
    /// An open file. One that is a pipe is read once, from where it stands.
    pub fn file(file: File) -> Self {
        Self::File(Unblock::with_capacity(PIECE_BYTES, file))
    }

    /// Standard input.
    pub fn stdin() -> Self {
        Self::Pipe(Unblock::with_capacity(PIECE_BYTES, io::stdin()))
    }

    /// The next bytes, at most so many; none at the end.
    pub(super) async fn piece(&mut self, max: usize) -> io::Result<Bytes> {
        let mut buffer = BytesMut::zeroed(max.min(PIECE_BYTES));
        let count = match self {
            Self::File(file) => file.read(&mut buffer).await?,
            Self::Pipe(pipe) => pipe.read(&mut buffer).await?,
        };
        buffer.truncate(count);
        Ok(buffer.freeze())
    }

    /// So many bytes, or fewer at the end.
    pub(super) async fn fill(&mut self, count: usize) -> io::Result<Bytes> {
        let mut bytes = BytesMut::new();
        while bytes.len() < count {
            let piece = self.piece(count - bytes.len()).await?;
            if piece.is_empty() {
                break;
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// Goes back to an offset; `false` if there is no way back.
    pub(super) async fn go_back(&mut self, offset: u64) -> bool {
        match self {
            Self::File(file) => file.seek(SeekFrom::Start(offset)).await.is_ok(),
            Self::Pipe(_) => false,
        }
    }
}

/// Bytes are moved in pieces of at most so many.
const PIECE_BYTES: usize = 256 << 10;
