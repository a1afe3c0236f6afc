use super::listing::ROWS_MAX;
use super::store_refusal;
use crate::exchange::{Cx, Event, Slot, Told};
use crate::oci::{Digest, Refusal, Repository, Tag};
use crate::record::{MANIFEST_LINE_BYTES_MAX, ManifestLine};
use crate::store::{Key, Listing, Op, Page, Reply};

/// Removes all tags that hold a manifest. The size of its record tells which tags to look into.
///
/// After the manifest was removed, a tag that holds it may be that of a push which came later: it stays if the manifest
/// is there again. A push writes its manifest before its tags, so that what is looked for after the tag cannot be missed.
///
/// A removal that has trouble is not just sent again: a push may have moved the tag to another manifest meanwhile, and have
/// been told so. All that was looked at before is looked at anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Untag {
    repository: Repository,
    digest: Digest,
    record_bytes: u64,
    /// The manifest was removed before.
    after_removal: bool,
    /// Where the listing goes on; `None` after the last page.
    next: Option<Box<str>>,
    candidates: Vec<Tag>,
    at_work: Vec<Work>,
    listing: bool,
}

/// A tag that may hold the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Work {
    tag: Tag,
    step: Step,
    /// Its removal, from the first try on. It rests while something else is done.
    removal: Option<Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// Its removal may be tried again; there was no room yet to look at it before.
    Rested,
    /// It is read.
    Looking(Slot),
    /// It holds the manifest, which is looked for.
    Doubting(Slot),
    /// It is removed.
    Removing(Slot),
}

/// How an [`Untag`] stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Untagged {
    /// Answers are missing.
    Not(Box<Untag>),
    /// No tag holds the manifest.
    All,
    /// It could not be done.
    Failed(Refusal),
}

impl Untag {
    pub(crate) fn start(
        repository: Repository,
        digest: Digest,
        record_bytes: u64,
        after_removal: bool,
        cx: &mut Cx<'_>,
    ) -> Box<Self> {
        let untag = Self {
            repository,
            digest,
            record_bytes,
            after_removal,
            next: None,
            candidates: Vec::new(),
            at_work: Vec::new(),
            listing: true,
        };
        untag.list(None, cx);
        Box::new(untag)
    }

    pub(crate) fn step(mut self: Box<Self>, event: Event, cx: &mut Cx<'_>) -> Untagged {
        match event {
            Event::Answered { reply: Reply::Page(page), .. } => self.listed(page, cx),
            Event::Read { slot, bytes, .. } => {
                cx.close(slot);
                let holds = ManifestLine::read(&bytes).is_some_and(|line| line.digest == self.digest);
                match self.at_work.iter().position(|work| work.step == Step::Looking(slot)) {
                    Some(at) if holds && self.after_removal => {
                        let manifest = Key::Manifest(self.repository.clone(), self.digest);
                        self.at_work[at].step = Step::Doubting(cx.send(Op::Stat { key: manifest }));
                    }
                    Some(at) if holds => self.remove(at, cx),
                    Some(at) => self.leave(at, cx),
                    None => {}
                }
                self.go_on(cx)
            }
            Event::Answered { slot, reply } => {
                let Some(at) = self.at_work.iter().position(|work| work.waits_for(slot)) else {
                    return Untagged::Failed(store_refusal(&reply));
                };
                match (self.at_work[at].step, reply) {
                    (Step::Doubting(_), Reply::Missing) => self.remove(at, cx),
                    // Gone, but the try that took it failed: that it is gone may not be on the disk.
                    (Step::Looking(_), Reply::Missing) if self.at_work[at].removal.is_some() => {
                        self.remove(at, cx);
                    }
                    (Step::Doubting(_), Reply::Found(_))
                    | (Step::Looking(_), Reply::Missing | Reply::Damaged) => self.leave(at, cx),
                    (Step::Removing(_), Reply::Done | Reply::Missing) => {
                        self.at_work.swap_remove(at);
                    }
                    (_, reply) => return Untagged::Failed(store_refusal(&reply)),
                }
                self.go_on(cx)
            }
            Event::Told { answer: Told::Retry { call, .. } } => {
                let slot = Slot(call.slot);
                if let Some(work) = self.at_work.iter_mut().find(|work| work.step == Step::Removing(slot)) {
                    work.step = Step::Rested;
                }
                self.go_on(cx)
            }
            Event::Fed { .. }
            | Event::Replied { .. }
            | Event::Collected { .. }
            | Event::Hashed { .. }
            | Event::Told { .. } => Untagged::Not(self),
        }
    }

    fn list(&self, after: Option<Box<str>>, cx: &mut Cx<'_>) {
        cx.send(Op::List { listing: Listing::Tags(self.repository.clone()), after, limit: ROWS_MAX });
    }

    fn listed(mut self: Box<Self>, page: Page, cx: &mut Cx<'_>) -> Untagged {
        self.listing = false;
        self.next = page.rows.last().filter(|_| page.more).map(|row| row.name.clone());
        let holders = page.rows.iter().filter(|row| row.size == self.record_bytes);
        self.candidates = holders.filter_map(|row| Tag::parse(&row.name).ok()).collect();
        self.go_on(cx)
    }

    fn go_on(mut self: Box<Self>, cx: &mut Cx<'_>) -> Untagged {
        while cx.free_calls() >= 1
            && let Some(at) = self.at_work.iter().position(|work| work.step == Step::Rested)
        {
            self.at_work[at].step = Step::Looking(self.look(&self.at_work[at].tag, cx));
        }
        // One call is left for a look at the tags whose removals rest: those hold theirs.
        while cx.free_calls() >= 2
            && let Some(tag) = self.candidates.pop()
        {
            let step = Step::Looking(self.look(&tag, cx));
            self.at_work.push(Work { tag, step, removal: None });
        }
        if self.listing || !self.at_work.is_empty() {
            return Untagged::Not(self);
        }
        match self.next.take() {
            Some(after) => {
                self.list(Some(after), cx);
                self.listing = true;
                Untagged::Not(self)
            }
            None => Untagged::All,
        }
    }

    fn look(&self, tag: &Tag, cx: &mut Cx<'_>) -> Slot {
        cx.read_line(Key::Tag(self.repository.clone(), tag.clone()), MANIFEST_LINE_BYTES_MAX)
    }

    fn remove(&mut self, at: usize, cx: &mut Cx<'_>) {
        let work = &mut self.at_work[at];
        let slot = match work.removal {
            Some(slot) => {
                cx.send_again(slot);
                slot
            }
            None => cx.send_warily(Op::Remove { key: Key::Tag(self.repository.clone(), work.tag.clone()) }),
        };
        work.removal = Some(slot);
        work.step = Step::Removing(slot);
    }

    /// Is done with a tag that stays.
    fn leave(&mut self, at: usize, cx: &mut Cx<'_>) {
        if let Some(slot) = self.at_work.swap_remove(at).removal {
            cx.close(slot);
        }
    }
}

impl Work {
    fn waits_for(&self, slot: Slot) -> bool {
        match self.step {
            Step::Rested => false,
            Step::Looking(waiting) | Step::Doubting(waiting) | Step::Removing(waiting) => waiting == slot,
        }
    }
}
