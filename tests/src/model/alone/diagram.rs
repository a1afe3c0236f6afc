use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fmt::Write as _;

use stateright::Model;
use wharfinger_core::exchange::Side;
use wharfinger_core::transfer::Source;

use super::label::{Kind, Label};
use super::news::{About, What};
use super::world::{Call, Due, Filled};
use super::{Alone, Budget, Flow, News, Scene, World};

/// The page of a flow: a diagram of each request that is drawn, and what was searched.
pub fn page(flow: &Flow) -> String {
    let mut page =
        format!("# {}\n\n{}. [How to read this](README.md).\n\n<!-- {HOW} -->\n", flow.name, flow.title);
    let drawn: Vec<&Scene> = flow.scenes.iter().filter(|scene| scene.drawn).collect();
    let mut replies = BTreeSet::new();
    for scene in &drawn {
        let drawing =
            Drawing::of(flow, scene, Budget { troubles: flow.drawn_troubles, clients: 1, stalls: 0 });
        let _ =
            write!(page, "\n## {}\n\n```mermaid\nstateDiagram-v2\n{}```\n", scene.name, drawing.mermaid());
        replies.extend(drawing.replies);
    }
    page.push_str("\n## All requests\n\n");
    page.push_str(&told(flow, &mut replies));
    let rest: Vec<_> = flow.replies.iter().filter(|reply| !replies.contains(**reply)).collect();
    if !rest.is_empty() {
        let rest: Vec<_> = rest.iter().map(|reply| format!("`{reply}`")).collect();
        let _ =
            write!(page, "\nWhere the store or the client fails, also {} can be told.\n", rest.join(", "));
    }
    if !flow.order.is_empty() {
        page.push_str("\n| sent | only after, of several rows one |\n| --- | --- |\n");
        for (label, before) in flow.order {
            let _ = writeln!(page, "| {label} | {} |", before.replace('!', "not "));
        }
    }
    page
}

/// What each request is told where nothing fails, and what the store has acknowledged before.
fn told(flow: &Flow, replies: &mut BTreeSet<String>) -> String {
    let mut rows: Vec<(String, Vec<&str>)> = Vec::new();
    for scene in &flow.scenes {
        let drawing = Drawing::of(flow, scene, Budget::default());
        for reply in &drawing.replies {
            let of_status = |(status, _): &&(u16, Vec<Label>)| reply.starts_with(&status.to_string());
            let ways = scene.promises.iter().filter(of_status).map(|(_, labels)| {
                let labels = scene.proofs().iter().chain(labels);
                let labels: Vec<String> = labels.map(ToString::to_string).collect();
                if labels.is_empty() { "nothing".to_owned() } else { labels.join(", ") }
            });
            let ways: Vec<String> = ways.collect();
            let row = format!("`{reply}` | {}", ways.join("; or "));
            let row = if ways.is_empty() { format!("`{reply}` |") } else { row };
            match rows.iter_mut().find(|(known, _)| *known == row) {
                Some((_, names)) => names.push(scene.name),
                None => rows.push((row, vec![scene.name])),
            }
        }
        replies.extend(drawing.replies);
    }
    let mut text = "| told | acknowledged before | request |\n| --- | --- | --- |\n".to_owned();
    rows.sort();
    for (row, names) in rows {
        let names = if names.len() == flow.scenes.len() { "each".to_owned() } else { names.join("; ") };
        let _ = writeln!(text, "| {row} | {names} |");
    }
    text
}

/// The table of all pages.
pub fn index(flows: &[Flow]) -> String {
    let mut page = format!(
        "# The states of each endpoint\n\n<!-- {HOW} -->\n\n\
         These pages are drawn from the models that search each endpoint alone (`tests/src/model/alone`): they show what \
         the code does.\n\n\
         A state is what is waited for, and, in brackets, what the store has acknowledged of it; what is open can be read; \
         a number is the reply. A step is what came of that: what is found may be young or old where nothing else is said. Failures \
         of the store are not drawn: a call that fails is tried again as [attempts](attempts.md) shows, up to four times in \
         all, and then the client is told 503; where the store says that it has no room it is told 507. A client that leaves \
         ends every exchange at once, without a reply.\n\n| page | endpoint |\n| --- | --- |\n"
    );
    for flow in flows {
        let _ = writeln!(page, "| [{0}]({0}.md) | {1} |", flow.name, flow.title);
    }
    page
}

/// States and steps as they are drawn.
#[derive(Default)]
struct Drawing {
    /// Their names, in the order in which they are met.
    states: Vec<String>,
    /// Of each step, what is news, by what it is about.
    steps: BTreeMap<(usize, usize), BTreeMap<String, Vec<&'static str>>>,
    replies: BTreeSet<String>,
    ends: BTreeSet<usize>,
    /// How often a call was sent makes a difference.
    counts: bool,
}

impl Drawing {
    fn of(flow: &Flow, scene: &Scene, budget: Budget) -> Self {
        let flow = Flow { scenes: vec![scene.clone()], ..flow.clone() };
        let model = flow.model(budget, None);
        let mut drawing = Self { counts: budget.troubles > 0, ..Self::default() };
        let mut seen = HashSet::new();
        let mut left = VecDeque::new();
        for start in model.init_states() {
            let start = drawing.without_details(&model, start);
            drawing.state(&start);
            seen.insert(start.clone());
            left.push_back(start);
        }
        while let Some(world) = left.pop_front() {
            let from = drawing.state(&world);
            if let Some(reply) = world.reply() {
                drawing.replies.insert(reply);
                drawing.ends.insert(from);
                continue;
            }
            let mut all = Vec::new();
            model.actions(&world, &mut all);
            all.retain(|news| drawing.shows(news));
            for news in all {
                let (about, word) = (news.about.to_string(), news.word);
                let Some(next) = model.next_state(&world, news) else { continue };
                let next = drawing.without_details(&model, next);
                let to = drawing.state(&next);
                drawing.step((from, to), about, word);
                if seen.insert(next.clone()) {
                    left.push_back(next);
                }
            }
        }
        drawing
    }

    /// Late calls fail as others do, and a client that leaves does so everywhere.
    fn shows(&self, news: &News) -> bool {
        let late = matches!(news.what, What::Fire(_)) && !news.is_free();
        !late && !self.hides(news) && !matches!(news.what, What::Leave)
    }

    /// Whether it happens at once, as far as the drawing tells: what was answered is read, what is at hand leaves, and,
    /// where tries are not counted, what failed is sent again.
    fn hides(&self, news: &News) -> bool {
        let granted = news.about == About::Other("another try") && news.is_free();
        news.is_detail() || news.word == "has rested" || (granted && !self.counts)
    }

    /// Takes the world beyond what is hidden.
    fn without_details(&self, model: &Alone, mut world: World) -> World {
        while world.told.is_none()
            && let Some(detail) = world.news(model).into_iter().find(|news| self.hides(news))
        {
            world.happen(model, detail);
        }
        world
    }

    fn step(&mut self, step: (usize, usize), about: String, word: &'static str) {
        let words = self.steps.entry(step).or_default().entry(about).or_default();
        // What is young is not told from what is old unless it makes a difference.
        let (same, kept) = match word {
            "found old" => (Some("found"), None),
            "found" => (None, Some("found old")),
            "breaks off at once" => (Some("breaks off"), None),
            _ => (None, None),
        };
        words.retain(|known| Some(*known) != kept);
        if !words.contains(&word) && !words.iter().any(|known| Some(*known) == same) {
            words.push(word);
        }
    }

    fn state(&mut self, world: &World) -> usize {
        let name = name_of(world, self.counts);
        self.states.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.states.push(name);
            self.states.len() - 1
        })
    }

    fn mermaid(&self) -> String {
        let mut text = String::new();
        for (at, name) in self.states.iter().enumerate() {
            let _ = writeln!(text, "    state \"{name}\" as s{at}");
        }
        text.push_str("    [*] --> s0\n");
        for ((from, to), news) in self.steps.iter().filter(|((from, to), _)| from != to) {
            let news: Vec<String> =
                news.iter().map(|(about, words)| format!("{about} {}", words.join(" or "))).collect();
            let _ = writeln!(text, "    s{from} --> s{to} : {}", news.join(", or "));
        }
        for at in &self.ends {
            let _ = writeln!(text, "    s{at} --> [*]");
        }
        text
    }
}

fn name_of(world: &World, counts: bool) -> String {
    if let Some(reply) = world.reply() {
        return reply;
    }
    let mut parts: Vec<String> = world.calls.iter().map(name_of_call).collect();
    parts.extend(world.dues.iter().filter_map(name_of_due).map(str::to_owned));
    parts.sort();
    parts.dedup();
    let name = parts.join(" + ");
    if counts {
        // While a new token is being had, nothing has been sent with it.
        let waits = world.dues.iter().any(|due| matches!(due, Due::Token(_)));
        let attempts = world.seen.sends.iter().map(|sent| {
            let renewed = sent.renewed && !waits;
            (sent.count - u8::from(renewed), renewed)
        });
        let (tries, renewed) = attempts.max().unwrap_or((1, false));
        let token = if renewed { ", new token" } else { "" };
        return format!("{name} (try {tries}{token})");
    }
    let done: Vec<String> = world.seen.facts.iter().filter(|fact| changes(fact)).map(done).collect();
    if done.is_empty() { name } else { format!("{name} ({})", done.join(", ")) }
}

fn changes(fact: &Label) -> bool {
    match fact.kind {
        Kind::Write | Kind::Join | Kind::Remove => true,
        Kind::Read | Kind::Stat | Kind::Copy | Kind::Touch | Kind::Release | Kind::List | Kind::Check => {
            false
        }
    }
}

fn done(fact: &Label) -> String {
    let how = match fact.kind {
        Kind::Write => "written",
        Kind::Join => "joined",
        Kind::Remove => "removed",
        Kind::Read | Kind::Stat | Kind::Copy | Kind::Touch | Kind::Release | Kind::List | Kind::Check => {
            "done"
        }
    };
    format!("{} {how}", fact.role.name())
}

fn name_of_call(call: &Call) -> String {
    match (&call.answer, call.filled) {
        (Some(_), _) => format!("{} open", call.label.role.name()),
        (None, Filled::Owed { .. }) if call.written.is_some() => "end of the body".to_owned(),
        (None, Filled::Owed { .. }) => format!("{} from body", call.label),
        (None, Filled::Whole | Filled::Short) => call.label.to_string(),
    }
}

fn name_of_due(due: &Due) -> Option<&'static str> {
    match due {
        Due::Memory => Some("memory"),
        Due::Location => Some("URL"),
        Due::Password => Some("check of the password"),
        Due::Keys => Some("keys of the issuer"),
        Due::Token(_) => Some("new token"),
        Due::Retry(_) => Some("permission to try again"),
        Due::Collect { from: Side::Client, .. } => Some("small body"),
        Due::Digest { from: Source::Bytes(_), .. } => Some("hash of the body"),
        Due::Digest { .. } => Some("hash of a segment"),
        Due::Held(..) | Due::Feed { .. } | Due::Reply(_) | Due::Collect { .. } => None,
    }
}

const HOW: &str = "Drawn from the model. To draw it again: \
                   UPDATE_SNAPSHOTS=1 cargo test -p wharfinger-tests --test model_flows";
