use bytes::Bytes;
use wharfinger_core::exchange::BodyLength;
use wharfinger_core::transfer::{End, Take};

/// What a client sends after the head of its request.
#[derive(Clone, Debug, Default)]
pub struct Body {
    bytes: Bytes,
    at: usize,
    /// Its length is told before.
    known: bool,
    /// Nothing comes from this offset on.
    breaks_at: Option<usize>,
    /// It does not break there, it just does not go on.
    late: bool,
    /// There is a pause at this offset.
    stalls_at: Option<usize>,
}

impl Body {
    /// A body that comes whole.
    pub fn whole(bytes: Bytes, known: bool) -> Self {
        Self { bytes, known, ..Self::default() }
    }

    /// The same with a pause.
    #[must_use]
    pub fn stalling(self, at: usize) -> Self {
        Self { stalls_at: Some(at), ..self }
    }

    /// The same without its end.
    #[must_use]
    pub fn breaking(self, at: usize, late: bool) -> Self {
        Self { breaks_at: Some(at), late, ..self }
    }

    /// Whether all of it comes.
    pub fn is_whole(&self) -> bool {
        self.breaks_at.is_none()
    }

    /// What the head tells of it.
    pub fn length(&self) -> BodyLength {
        match self.known || self.bytes.is_empty() {
            true => BodyLength::Exactly(self.bytes.len() as u64),
            false => BodyLength::Unknown,
        }
    }

    /// Takes the next bytes.
    pub fn take(&mut self, take: Take) -> (Bytes, End) {
        let left = self.bytes.len() - self.at;
        let (wanted, exactly) = match take {
            Take::Exactly(count) => (count as usize, true),
            Take::UpTo(count) => (left.min(count as usize), false),
            Take::ToEnd => (left, false),
        };
        let broken = self.breaks_at.unwrap_or(usize::MAX);
        let pause = self.stalls_at.filter(|at| *at > self.at && !exactly).unwrap_or(usize::MAX);
        let limited = matches!(take, Take::Exactly(_) | Take::UpTo(_));
        let asked = match take {
            Take::Exactly(count) | Take::UpTo(count) => self.at.saturating_add(count as usize),
            Take::ToEnd => usize::MAX,
        };
        let to = (self.at + wanted).min(self.bytes.len()).min(broken).min(pause).max(self.at);
        let bytes = self.bytes.slice(self.at..to);
        self.at = to;
        let end = if limited && to == asked {
            if self.known && to == self.bytes.len() { End::Eof } else { End::Taken }
        } else if to == broken {
            if self.late { End::SourceLate } else { End::SourceBroke }
        } else if to == pause {
            self.stalls_at = None;
            End::Stalled
        } else if exactly {
            End::SourceBroke
        } else {
            End::Eof
        };
        (bytes, end)
    }
}
