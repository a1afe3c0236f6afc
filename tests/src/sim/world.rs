//! The clock, what is to happen, and the order of it.

mod judge;
mod nemesis;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use wharfinger_core::access::Access;
use wharfinger_core::exchange::{CallId, Input, TimerId};
use wharfinger_core::swift::Endpoint;
use wharfinger_core::upload::Secret;
use wharfinger_core::{Config, Joins, Limits, RetryBudget, RetryShare};

use super::access::{WRITER, locked};
use super::clients;
use super::desk::{Desk, Reply, Request, Seat, Wish};
use super::fault::Faults;
use super::host::Running;
use super::names::{CONTAINER, Goods, SEGMENTS, happens, pick};
use super::network::Arrival;
use super::oracle::{Intent, Oracle};
use super::swift::{Answer, Ask, Swift};
use super::{Failure, Plan, Report};
use crate::random::Random;
use nemesis::Nemesis;

/// Something that is going to happen.
#[derive(Debug)]
pub enum Event {
    Tell {
        exchange: u64,
        input: Input,
    },
    Fire {
        exchange: u64,
        timer: TimerId,
    },
    Arrive(Box<Arrival>),
    Answered {
        exchange: u64,
        call: CallId,
        answer: Box<Answer>,
    },
    /// The client of an exchange goes away.
    Leave {
        exchange: u64,
    },
    /// A client's reply has come, or its pause is over.
    Client {
        client: usize,
        reply: Option<Box<Reply>>,
    },
    Nemesis(Nemesis),
}

/// A process of the registry.
#[derive(Debug)]
pub struct Process {
    pub token: String,
    pub budget: RetryBudget,
}

/// One run.
pub struct World {
    pub plan: Plan,
    /// Microseconds since 1970.
    pub now: u64,
    pub step: u64,
    pub random: Random,
    pub config: Arc<Config>,
    pub endpoint: Endpoint,
    pub swift: Swift,
    pub faults: Faults,
    pub processes: Vec<Process>,
    pub running: BTreeMap<u64, Running>,
    pub oracle: Oracle,
    pub last_exchange: u64,
    /// Requests that change something and have not come to Swift, by their exchange.
    pub pending: BTreeMap<u64, usize>,
    /// How often each name is being joined.
    pub joining: BTreeMap<String, usize>,
    /// What listings should have shown to an exchange, and did not.
    hidden: BTreeMap<u64, BTreeSet<String>>,
    /// When somebody was last told that a link is there, in microseconds.
    relied: BTreeMap<String, u64>,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    logins: u64,
    seats: Vec<Seat>,
    /// While it is looked how things stand: no faults, and nothing takes time.
    looking: bool,
    healed_at: Option<u64>,
    /// What is to be looked at, now that somebody was told that it is there or gone.
    looks: Vec<(Method, String, Intent)>,
    looked: Option<Reply>,
    /// The content of each segment that was ever written.
    segments: BTreeMap<String, String>,
    report: Report,
    failure: Option<String>,
    log: Vec<String>,
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        let mut random = Random::new(plan.seed);
        let is_locked = !plan.seed.is_multiple_of(2);
        let goods = Rc::new(Goods::new(&mut random));
        let mut swift = Swift::new(random.word());
        swift.mutant = plan.mutant;
        swift.lag = [0, 50, 300][pick(&mut random, 3)];
        let share = RetryShare { percent: 20, per_second: 20 };
        let budget = || RetryBudget::new(share, Duration::from_micros(START));
        let process = |_| Process { token: String::new(), budget: budget() };
        let mut world = Self {
            plan: *plan,
            now: START,
            step: 1,
            faults: Faults::new(&mut random),
            config: Arc::new(config(is_locked)),
            endpoint: Endpoint::new("http://swift/v1/AUTH_sim", CONTAINER, SEGMENTS).expect("it is one"),
            swift,
            processes: (0..PROCESSES).map(process).collect(),
            running: BTreeMap::new(),
            oracle: Oracle::new(goods.clone()),
            last_exchange: 0,
            pending: BTreeMap::new(),
            joining: BTreeMap::new(),
            hidden: BTreeMap::new(),
            relied: BTreeMap::new(),
            queue: BTreeMap::new(),
            sequence: 0,
            logins: 0,
            seats: Vec::new(),
            looking: false,
            healed_at: None,
            looks: Vec::new(),
            looked: None,
            segments: BTreeMap::new(),
            report: Report::default(),
            failure: None,
            log: Vec::new(),
            random,
        };
        (0..PROCESSES).for_each(|process| world.log_in(process));
        world.make_containers();
        for number in 0..plan.clients {
            let desk = Desk::default();
            let random = Random::new(world.random.word());
            let life = clients::life(desk.clone(), random, goods.clone(), is_locked);
            world.seats.push(Seat::new(desk, life));
            let time = world.within(0, 1_000_000);
            world.after(time, Event::Client { client: number, reply: None });
        }
        world.begin_trouble();
        world
    }

    fn make_containers(&mut self) {
        let token = self.processes[0].token.parse().expect("a token");
        let fields = HeaderMap::from_iter([(http::HeaderName::from_static("x-auth-token"), token)]);
        for container in [CONTAINER, SEGMENTS] {
            let ask = Ask::parse("PUT", &format!("/v1/AUTH_sim/{container}"), fields.clone(), Bytes::new());
            self.swift.answer(&ask, self.now, [true; 3]);
        }
    }

    /// Runs to the end.
    pub fn run(mut self) -> Result<Report, Failure> {
        while self.failure.is_none() && !self.is_over() {
            let Some(((time, _), event)) = self.queue.pop_first() else {
                self.fail("nothing is going to happen, and not all clients are done".to_owned());
                break;
            };
            self.now = self.now.max(time);
            self.step += 1;
            self.happen(event);
            self.look();
            self.watch();
        }
        if self.failure.is_none() {
            self.look_at_all();
        }
        self.report.steps = self.step;
        self.report.time = self.now - START;
        for known in std::mem::take(&mut self.oracle.known) {
            self.report.count("known", known, 0);
        }
        match self.failure {
            None => Ok(self.report),
            Some(what) => Err(Failure { plan: self.plan, what, log: self.log }),
        }
    }

    fn is_over(&self) -> bool {
        self.healed_at.is_some() && self.running.is_empty() && self.seats.iter().all(Seat::is_done)
    }

    /// Heals when enough has gone wrong; from then on time is short.
    fn watch(&mut self) {
        if self.healed_at.is_none() && self.last_exchange > EXCHANGES_BEFORE_HEALING {
            self.heal();
            self.healed_at = Some(self.now);
            self.count("event", "heal", 0);
            self.seats.iter().for_each(Seat::heal);
        }
        if self.healed_at.is_some_and(|at| self.now - at > HEALING_TIME_MAX) {
            let busy: Vec<usize> = (0..self.seats.len()).filter(|at| !self.seats[*at].is_done()).collect();
            self.fail(format!("long after all was healed clients {busy:?} are not done"));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tell { exchange, input } => self.tell(exchange, input),
            Event::Fire { exchange, timer } => self.fire(exchange, timer),
            Event::Arrive(arrival) => self.arrive(*arrival),
            Event::Answered { exchange, call, answer } => self.answered(exchange, call, *answer),
            Event::Leave { exchange } => {
                if self.running.contains_key(&exchange) {
                    self.count("client", "leaves", 0);
                }
                self.tell(exchange, Input::ClientGone);
            }
            Event::Client { client, reply } => self.go_on(client, reply),
            Event::Nemesis(nemesis) => self.strike(nemesis),
        }
    }

    fn go_on(&mut self, client: usize, reply: Option<Box<Reply>>) {
        let seat = &mut self.seats[client];
        match reply {
            Some(reply) => seat.give(*reply),
            None => seat.wake(),
        }
        match seat.poll() {
            Err(complaint) => self.fail(format!("client {client}: {complaint}")),
            Ok(Some(Wish::Send(request))) => {
                let process = pick(&mut self.random, PROCESSES);
                self.begin(process, Some(client), *request);
            }
            Ok(Some(Wish::Sleep(time))) => self.after(time, Event::Client { client, reply: None }),
            Ok(None) => {}
        }
    }

    /// The process gets a new token; the one before is not taken any more.
    pub fn log_in(&mut self, process: usize) {
        self.logins += 1;
        let token = format!("token{}", self.logins);
        self.swift.allow(&token, self.now + TOKEN_LIFE);
        self.processes[process].token = token;
    }

    /// Looks by a request of its own, at once and without faults.
    pub fn look_by(&mut self, method: Method, target: String, intent: Intent) -> Reply {
        let queue = std::mem::take(&mut self.queue);
        let (now, looking) = (self.now, std::mem::replace(&mut self.looking, true));
        let process = pick(&mut self.random, PROCESSES);
        let request = Request {
            method,
            target,
            fields: HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(WRITER))]),
            body: super::body::Body::default(),
            intent,
            leaves: None,
        };
        let exchange = self.begin(process, None, request);
        // Timers lie in the future: they stay behind.
        while self.running.contains_key(&exchange) && self.failure.is_none() {
            let Some((_, event)) = self.queue.pop_first() else {
                self.fail(format!("exchange {exchange} waits for nothing"));
                break;
            };
            self.step += 1;
            self.happen(event);
        }
        self.queue = queue;
        self.now = now;
        self.looking = looking;
        self.looked.take().unwrap_or_else(Reply::lost)
    }

    /// What a segment was when it was written first.
    pub fn segment(&mut self, name: &str, etag: &str) -> String {
        self.segments.entry(name.to_owned()).or_insert_with(|| etag.to_owned()).clone()
    }

    /// Something happens after so many microseconds.
    pub fn after(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((self.now + time, self.sequence), event);
    }

    pub fn soon(&mut self, event: Event) {
        let time = self.within(0, 2000);
        self.after(time, event);
    }

    /// A time by chance; none while it is looked how things stand.
    pub fn within(&mut self, least: u64, most: u64) -> u64 {
        if self.looking { 0 } else { least + self.random.word() % (most - least + 1) }
    }

    /// How long anything takes on its way: mostly little, now and then so long that others overtake it.
    pub fn latency(&mut self) -> u64 {
        let most = if self.chance(150) { 800_000 } else { 20_000 };
        self.within(200, most)
    }

    pub fn chance(&mut self, parts: u64) -> bool {
        happens(&mut self.random, parts)
    }

    /// Whether there are no faults.
    pub fn is_calm(&self) -> bool {
        self.looking || self.healed_at.is_some()
    }

    pub fn count(&mut self, kind: &'static str, name: &'static str, status: u16) {
        self.report.count(kind, name, status);
    }

    pub fn log(&mut self, line: impl FnOnce() -> String) {
        if self.plan.logged {
            let (seconds, micros) = ((self.now - START) / 1_000_000, self.now % 1_000_000);
            self.log.push(format!("{} {seconds}.{micros:06} {}", self.step, line()));
        }
    }

    pub fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }
}

/// The bounds of a registry, so low that small blobs meet all of them.
fn config(is_locked: bool) -> Config {
    let limits = Limits {
        segment_bytes_max: 6,
        small_blob_bytes_max: 8,
        small_segment_bytes: 3,
        small_segments_max: 3,
        joins: Joins { parts_max: 5, part_bytes_min: 1, copies: false },
        grace_seconds: GRACE / 1_000_000,
        ..Limits::default()
    };
    let secret = Secret::new(b"sixteen or more random bytes");
    Config {
        access: if is_locked { locked(&secret) } else { Access::open() },
        secret,
        sparse_manifests: false,
        redirects: false,
        store_md5: true,
        limits,
    }
}

/// When the world begins, in microseconds since 1970.
const START: u64 = 1_800_000_000_000_000;

/// So many processes share the Swift.
const PROCESSES: usize = 3;

/// What nobody relied on for so long may go, in microseconds.
pub const GRACE: u64 = 600_000_000;

/// How long a token is good, in microseconds.
const TOKEN_LIFE: u64 = 400_000_000;

/// So many exchanges meet faults.
const EXCHANGES_BEFORE_HEALING: u64 = 250;

/// So long after all was healed everybody has got done what they began, in microseconds.
const HEALING_TIME_MAX: u64 = 900_000_000;
