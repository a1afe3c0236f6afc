use bytes::Bytes;
use wharfinger_core::store::{Found, Key, Op, Page, Reply};
use wharfinger_core::transfer::md5_of;

use super::world::Call;
use super::{Cost, Scene, Why};

/// One of the answers that a store may give to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// In a word or two.
    pub word: &'static str,
    /// As it is told.
    pub reply: Reply,
    /// What can be read then.
    pub bytes: Bytes,
    /// Whether it is what the call was made for.
    pub(super) good: bool,
    /// Whether what was found is old.
    pub(super) old: bool,
    /// What it is a reason for.
    pub(super) why: Option<Why>,
    pub(super) cost: Cost,
}

impl Answer {
    fn new(word: &'static str, reply: Reply) -> Self {
        let (bytes, cost) = (Bytes::new(), Cost::Nothing);
        Self { word, reply, bytes, good: false, old: false, why: None, cost }
    }

    fn good(word: &'static str, reply: Reply) -> Self {
        Self { good: true, ..Self::new(word, reply) }
    }

    fn because(self, why: Why) -> Self {
        Self { why: Some(why), ..self }
    }

    fn trouble(word: &'static str, reply: Reply, why: Why) -> Self {
        Self { cost: Cost::Trouble, why: Some(why), ..Self::new(word, reply) }
    }
}

/// Every answer that is one to this op, right or wrong. `body` is what its body will be.
pub(super) fn answers(scene: &Scene, call: &Call, body: &[u8]) -> Vec<Answer> {
    let missing = || {
        // That what was just written is gone takes somebody who deletes it.
        let deleted = matches!(call.op, Op::Stat { .. }) && scene.record.len() > 1 && !scene.taken_away;
        let cost = if deleted { Cost::Trouble } else { Cost::Nothing };
        Answer { cost, ..Answer::new("missing", Reply::Missing).because(Why::Missing) }
    };
    let mut all = match &call.op {
        Op::Read { key, .. } | Op::Stat { key } => {
            let mut all = found(scene, key, call);
            all.extend([missing(), Answer::trouble("damaged", Reply::Damaged, Why::Wrong)]);
            all
        }
        Op::Write { create_only, .. } => {
            let mut all = written(scene, body);
            if *create_only {
                all.push(Answer::new("exists", Reply::Exists).because(Why::Exists));
            }
            all
        }
        Op::Join { .. } => {
            let mut all = written(scene, b"joined");
            all.push(missing());
            all
        }
        Op::Copy { .. } => vec![missing()],
        Op::Touch { .. } | Op::Remove { .. } => vec![Answer::good("done", Reply::Done), missing()],
        Op::Release { .. } => vec![Answer::good("done", Reply::Done)],
        Op::List { .. } => listed(scene, call),
    };
    let unavailable = Reply::Unavailable { retry_after: None };
    all.extend([
        Answer::trouble("refused", Reply::Refused, Why::Refused),
        Answer::trouble("unavailable", unavailable, Why::Trouble),
    ]);
    all
}

fn found(scene: &Scene, key: &Key, call: &Call) -> Vec<Answer> {
    let before = scene.before.get(key).into_iter().map(|bytes| {
        let found = Found { size: bytes.len() as u64, age: 0, etag: Some(md5_of(bytes)) };
        Answer { bytes: bytes.clone(), ..Answer::good("found", Reply::Found(found)) }
    });
    let again = matches!(call.op, Op::Read { if_match: Some(_), .. });
    let variants = scene.objects.get(&call.label.role).into_iter().flatten();
    let objects = variants.filter(|variant| again || !variant.only_later).map(|variant| {
        let size = variant.bytes.len() as u64;
        let reply = Reply::Found(Found { size, age: variant.age, etag: variant.etag });
        Answer {
            bytes: variant.bytes.clone(),
            good: variant.good,
            old: variant.age > 0,
            why: (!variant.good).then_some(Why::Wrong),
            cost: if variant.trouble { Cost::Trouble } else { Cost::Nothing },
            ..Answer::new(variant.word, reply)
        }
    });
    let mut all: Vec<Answer> = before.chain(objects).collect();
    if let Op::Read { range: Some(range), .. } = &call.op {
        for answer in &mut all {
            let (first, end) = (range.first() as usize, range.last() as usize + 1);
            let end = end.min(answer.bytes.len());
            answer.bytes = answer.bytes.slice(first.min(end)..end);
        }
    }
    if let Op::Read { if_match: Some(etag), .. } = &call.op {
        // A store that does not heed the condition is found out.
        for answer in &mut all {
            if !matches!(&answer.reply, Reply::Found(found) if found.etag == Some(*etag)) {
                answer.cost = Cost::Trouble;
            }
        }
    }
    if matches!(call.op, Op::Stat { .. }) {
        all.iter_mut().for_each(|answer| answer.bytes = Bytes::new());
    }
    all
}

fn written(scene: &Scene, body: &[u8]) -> Vec<Answer> {
    let md5 = scene.config.store_md5.then(|| md5_of(body));
    vec![
        Answer::good("written", Reply::Written { md5 }),
        Answer::trouble("mismatch", Reply::Mismatch, Why::Trouble),
        Answer::trouble("full", Reply::Full, Why::Full),
    ]
}

fn listed(scene: &Scene, call: &Call) -> Vec<Answer> {
    let pages = scene.pages.get(&call.label.role).cloned().unwrap_or_default();
    let after = match &call.op {
        Op::List { after, .. } => after.clone(),
        Op::Read { .. }
        | Op::Stat { .. }
        | Op::Write { .. }
        | Op::Join { .. }
        | Op::Copy { .. }
        | Op::Touch { .. }
        | Op::Release { .. }
        | Op::Remove { .. } => None,
    };
    let empty = ("no rows", Page { rows: Vec::new(), more: false });
    let pages = pages.into_iter().chain([empty]).filter_map(|(word, mut page)| {
        page.rows.retain(|row| after.as_ref().is_none_or(|after| row.name > *after));
        // Rows that have been shown are not shown again.
        (!page.rows.is_empty() || word == "no rows").then_some((word, page))
    });
    let answer = |(word, page): (&'static str, Page)| {
        let why = page.rows.is_empty().then_some(Why::Missing);
        Answer { why, ..Answer::good(word, Reply::Page(page)) }
    };
    pages.map(answer).collect()
}
