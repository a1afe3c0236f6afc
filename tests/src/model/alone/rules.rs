use wharfinger_core::store::{Key, Op};

use super::answers::Answer;
use super::label::{Kind, Label, Role};
use super::world::{Call, Filled, Sent, World};
use super::{Alone, Flaw, Mutant, Scene, Why};

/// What is looked at while an exchange goes on: what it asks of the store, and what it tells of it.
impl World {
    /// An op is sent: it is one of the flow's own, and what it builds on was acknowledged before.
    pub(super) fn sent_label(&mut self, model: &Alone, label: Label) {
        if !self.is_admitted(model.scene(self)) {
            self.flaw(Flaw::NotAdmitted);
        }
        if !model.asks.contains(&label) {
            self.flaw(Flaw::Foreign);
        }
        let facts = &self.seen.facts;
        let rules = model.order.iter().filter(|(of, _)| *of == label);
        let kept = rules
            .clone()
            .any(|(_, before)| before.iter().all(|(fact, holds)| facts.contains(fact) == *holds));
        if rules.count() > 0 && !kept {
            self.flaw(Flaw::OutOfOrder);
        }
    }

    /// Nothing is joined under a name but what the name says.
    pub(super) fn prove(&mut self, op: &Op) {
        let Op::Join { key, .. } = op else { return };
        match (key, self.joined(op)) {
            (Key::Blob(digest), Some(whole)) if Self::is_of(&whole, digest) => {}
            // A group of parts: what it is joined to is proved.
            (Key::Segment { .. }, Some(_)) => {}
            (
                Key::Blob(_)
                | Key::Segment { .. }
                | Key::SegmentList { .. }
                | Key::Link(..)
                | Key::Manifest(..)
                | Key::Tag(..)
                | Key::Referrer { .. },
                _,
            ) => self.flaw(Flaw::WrongContent),
        }
    }

    /// Nothing is written under a name but what the name says.
    pub(super) fn prove_body(&mut self, scene: &Scene, call: &Call) {
        let Op::Write { key, .. } = &call.op else { return };
        let right = match key {
            Key::Blob(digest) => Self::is_of(&call.body, digest),
            Key::Link(..) => call.body == format!("{{\"size\":{}}}", scene.content.len()),
            Key::Manifest(..) | Key::Tag(..) => call.body == scene.record,
            Key::Referrer { referrer, .. } => {
                *referrer == scene.manifest
                    && String::from_utf8_lossy(&call.body).contains(&scene.manifest.to_string())
            }
            Key::Segment { .. } | Key::SegmentList { .. } => true,
        };
        if !right {
            self.flaw(Flaw::WrongContent);
        }
    }

    /// The store has answered: what holds from here on, by its own word.
    pub(super) fn acknowledged(&mut self, model: &Alone, call: &Call, answer: &Answer) {
        self.seen.why.extend(answer.why);
        if answer.why != Some(Why::Trouble)
            && let Some(sent) = self.seen.sends.iter_mut().find(|sent| sent.id == call.id)
        {
            (sent.count, sent.renewed) = (0, false);
        }
        let label = call.label;
        if answer.why == Some(Why::Trouble) {
            self.untold(label);
        }
        if let Some(late) = self.seen.late.take() {
            self.seen.facts.insert(late);
        }
        // Of what it does not find to touch, a store may say later that it is there.
        if answer.word == "missing" && label.kind != Kind::Touch {
            self.seen.facts.retain(|fact| fact.role != label.role || fact.kind == Kind::Remove);
            self.seen.old.remove(&label.role);
            // A removal that had trouble is sent again for what is gone, too: there is nothing to lose.
            let tries = |sent: &Sent| matches!(sent.op, Op::Remove { key: Key::Tag(..) });
            let tried =
                (label.kind, label.role) == (Kind::Read, Role::Tag) && self.seen.sends.iter().any(tries);
            if label.kind == Kind::Remove || tried {
                self.seen.facts.insert(label);
            }
        }
        if answer.old {
            self.seen.old.insert(label.role);
            // Content is not younger than a link to it that is old.
            if matches!(label.role, Role::Link | Role::SourceLink) {
                self.seen.old.insert(Role::Blob);
            }
        }
        if !answer.good {
            return;
        }
        if !answer.old && matches!(label.kind, Kind::Read | Kind::Stat) {
            self.seen.old.remove(&label.role);
            if matches!(label.role, Role::Link | Role::SourceLink) {
                self.seen.old.remove(&Role::Blob);
            }
        }
        if label.kind == Kind::Touch {
            self.seen.old.remove(&label.role);
        }
        match call.filled {
            Filled::Whole => self.holds(model, call),
            // What the store says of a body that has not left counts when it has.
            Filled::Owed { .. } | Filled::Short => {}
        }
    }

    /// Nobody tells whether a call was carried out. A tag that was to be removed may be another one by the next try.
    pub(super) fn untold(&mut self, label: Label) {
        if (label.kind, label.role) == (Kind::Remove, Role::Tag) {
            self.seen.facts.retain(|fact| (fact.kind, fact.role) != (Kind::Read, Role::Tag));
        }
    }

    /// A call is carried out, as the store says.
    pub(super) fn holds(&mut self, model: &Alone, call: &Call) {
        match &call.op {
            Op::Write { key: key @ (Key::Segment { .. } | Key::SegmentList { .. }), .. } => {
                self.seen.stored.insert(key.clone(), call.body.clone());
            }
            Op::Join { key: key @ Key::Segment { .. }, .. } => {
                let whole = self.joined(&call.op).unwrap_or_default();
                self.seen.stored.insert(key.clone(), whole);
            }
            Op::Write { .. }
            | Op::Join { .. }
            | Op::Read { .. }
            | Op::Stat { .. }
            | Op::Copy { .. }
            | Op::Touch { .. }
            | Op::Release { .. }
            | Op::Remove { .. }
            | Op::List { .. } => {}
        }
        // What is changed is no longer what it was found to be.
        let label = call.label;
        if matches!(label.kind, Kind::Write | Kind::Join | Kind::Remove) {
            self.seen.facts.retain(|fact| {
                fact.role != label.role || !matches!(fact.kind, Kind::Stat | Kind::Read | Kind::Touch)
            });
        }
        match model.mutant {
            Some(Mutant::Later(of)) if of == call.label.to_string() => self.seen.late = Some(call.label),
            Some(Mutant::Undone(of)) if of == call.label.to_string() => {}
            _ => drop(self.seen.facts.insert(call.label)),
        }
        if call.label.kind == Kind::Remove {
            self.seen.facts.retain(|fact| fact.role != call.label.role || fact.kind == Kind::Remove);
        }
    }

    /// A status is told: what it promises was acknowledged before, and nothing speaks against it.
    pub(super) fn promised(&mut self, scene: &Scene, status: u16) {
        if status >= 400 {
            if !self.has_reason(scene, status) {
                self.flaw(Flaw::NoReason);
            }
            return;
        }
        if !self.is_admitted(scene) {
            self.flaw(Flaw::NotAdmitted);
        }
        let facts = &self.seen.facts;
        let mut rows = scene.promises.iter().filter(|(of, _)| *of == status);
        if !rows.any(|(_, labels)| labels.iter().all(|label| facts.contains(label))) {
            self.flaw(Flaw::Unfounded);
        }
        if self.seen.why.contains(&Why::Broke) || self.seen.why.contains(&Why::Late) {
            self.flaw(Flaw::BrokenIsGood);
        }
        // An upload that is begun relies on nothing.
        if scene.relies
            && status != 202
            && !self.seen.old.is_empty()
            && !self.seen.why.contains(&Why::Refused)
        {
            self.flaw(Flaw::Old);
        }
    }

    fn has_reason(&self, scene: &Scene, status: u16) -> bool {
        let why = |reasons: &[Why]| reasons.iter().any(|reason| self.seen.why.contains(reason));
        // That somebody may not do it can be said as soon as it is known who it is.
        (scene.deserves.contains(&status) && (status != 403 || self.is_known(scene)))
            || match status {
                400 => why(&[Why::Broke]) || (scene.record.len() > 1 && why(&[Why::Missing, Why::Wrong])),
                401 => why(&[Why::Unproved]),
                404 => why(&[Why::Missing, Why::Wrong]),
                408 => why(&[Why::Late]),
                412 => why(&[Why::Exists]),
                429 => why(&[Why::Slow]),
                503 => why(&[Why::Trouble, Why::Refused, Why::Denied, Why::Wrong, Why::Missing, Why::Busy]),
                507 => why(&[Why::Full]),
                _ => false,
            }
    }
}
