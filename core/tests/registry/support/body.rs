use wharfinger_core::exchange::Collected;
use wharfinger_core::transfer::{End, Take};

/// The body of a request, as it comes in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Body {
    pub promised: Option<u64>,
    pieces: Vec<Piece>,
}

/// What comes in next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    Bytes(Vec<u8>),
    /// Nothing for a while.
    Stall,
    /// The connection ends.
    Break,
    /// Nothing for longer than the host waits.
    Late,
}

impl Body {
    /// A body of unknown length.
    pub fn chunked(bytes: &[u8]) -> Self {
        Self { promised: None, pieces: vec![Piece::Bytes(bytes.to_vec())] }
    }

    /// A body of unknown length that comes in like this.
    pub fn pieces(pieces: Vec<Piece>) -> Self {
        Self { promised: None, pieces }
    }

    /// The same with a Content-Length.
    pub fn promising(self, length: u64) -> Self {
        Self { promised: Some(length), ..self }
    }

    /// Takes bytes, as a host does that was told to.
    pub fn take(&mut self, take: Take) -> (Vec<u8>, End) {
        let most = match take {
            Take::Exactly(most) | Take::UpTo(most) => usize::try_from(most).unwrap_or(usize::MAX),
            Take::ToEnd => usize::MAX,
        };
        let mut taken = Vec::new();
        loop {
            if taken.len() == most {
                return (taken, End::Taken);
            }
            match self.pieces.first_mut() {
                None => return (taken, End::Eof),
                Some(Piece::Bytes(bytes)) => {
                    let count = bytes.len().min(most - taken.len());
                    taken.extend(bytes.drain(..count));
                    if bytes.is_empty() {
                        self.pieces.remove(0);
                    }
                }
                Some(Piece::Stall) => {
                    self.pieces.remove(0);
                    // Before the first byte a host waits on.
                    if !taken.is_empty() && matches!(take, Take::UpTo(_)) {
                        return (taken, End::Stalled);
                    }
                }
                Some(Piece::Break) => return (taken, End::SourceBroke),
                Some(Piece::Late) => return (taken, End::SourceLate),
            }
        }
    }

    /// Takes all of a small body.
    pub fn collect(&mut self, max: u32) -> Collected {
        let (bytes, end) = self.take(Take::Exactly(u64::from(max) + 1));
        match end {
            End::Taken => Collected::TooLong,
            End::Eof | End::Stalled => Collected::Whole(bytes.into()),
            End::SourceBroke | End::SinkBroke => Collected::Broke,
            End::SourceLate => Collected::Late,
        }
    }
}

impl From<()> for Body {
    fn from((): ()) -> Self {
        Self { promised: Some(0), pieces: Vec::new() }
    }
}

impl From<&[u8]> for Body {
    fn from(bytes: &[u8]) -> Self {
        Self::chunked(bytes).promising(bytes.len() as u64)
    }
}

impl From<&Vec<u8>> for Body {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl<const N: usize> From<&[u8; N]> for Body {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}
