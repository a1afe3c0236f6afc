/// Reads values off the fuzzer's bytes. At their end it reads zeros.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// Whether no byte is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or(0)
    }

    /// A count: small, large or near the largest.
    pub fn count(&mut self) -> u64 {
        match self.byte() {
            small @ 0..=199 => u64::from(small),
            middle @ 200..=250 => 1 << (middle - 200),
            large => u64::MAX - u64::from(255 - large),
        }
    }

    /// At most so many of the next bytes.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Some of the next bytes, their number first.
    pub fn some(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte()) * 4;
        self.bytes(count)
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()].clone()
    }
}
