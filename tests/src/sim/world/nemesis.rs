//! What goes wrong with servers and processes, and what puts it right.

use super::{Event, GRACE, World};
use crate::sim::desk::Reply;
use crate::sim::names::{REPOSITORIES, pick};

/// Something that happens to a server or a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nemesis {
    /// Something by chance, and again and again.
    Any,
    /// Every server works again.
    ServersUp,
}

impl World {
    pub(super) fn begin_trouble(&mut self) {
        self.after(5_000_000, Event::Nemesis(Nemesis::Any));
    }

    pub(super) fn strike(&mut self, nemesis: Nemesis) {
        match nemesis {
            Nemesis::ServersUp => self.swift.up = [true; 3],
            Nemesis::Any if self.healed_at.is_some() => {}
            Nemesis::Any => {
                let time = self.within(500_000, 20_000_000);
                self.after(time, Event::Nemesis(Nemesis::Any));
                match pick(&mut self.random, 7) {
                    0 if self.swift.up == [true; 3] => {
                        let server = pick(&mut self.random, 3);
                        self.swift.up[server] = false;
                        self.count("event", "server down", 0);
                        self.log(|| format!("object server {server} is down"));
                        let time = self.within(1_000_000, 40_000_000);
                        self.after(time, Event::Nemesis(Nemesis::ServersUp));
                    }
                    1 => {
                        self.count("event", "replicator", 0);
                        self.swift.converge();
                        self.check_changed();
                    }
                    2 => {
                        self.count("event", "updater", 0);
                        self.swift.update_listings();
                    }
                    3 if self.chance(400) => {
                        let process = pick(&mut self.random, self.processes.len());
                        self.crash(process);
                    }
                    4 => {
                        let process = pick(&mut self.random, self.processes.len());
                        let token = self.processes[process].token.clone();
                        self.count("event", "token ended", 0);
                        self.swift.allow(&token, 0);
                    }
                    5 => self.remove_old(),
                    _ => {}
                }
            }
        }
    }

    /// A process is killed, with all that it does.
    fn crash(&mut self, process: usize) {
        self.count("event", "crash", 0);
        self.log(|| format!("process {process} is killed"));
        let ids: Vec<u64> =
            self.running.iter().filter(|(_, run)| run.process == process).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(run) = self.running.remove(&id) {
                self.count("event", "exchange killed", 0);
                self.over(&run, Reply::lost());
            }
        }
    }

    /// Links that nobody relied on for long, and that no manifest needs, go.
    fn remove_old(&mut self) {
        for repository in REPOSITORIES {
            let goods = self.oracle.goods.clone();
            let needed: Vec<_> = goods
                .images
                .iter()
                .filter(|image| {
                    self.swift.newest(&super::super::names::manifest(repository, &image.digest)).is_some()
                })
                .flat_map(|image| image.blobs.iter().map(|at| goods.blobs[*at].digest))
                .collect();
            for blob in goods.blobs.iter().filter(|blob| !needed.contains(&blob.digest)) {
                let path = super::super::names::link(repository, &blob.digest);
                let age = self.swift.touched(&path).map(|at| self.now.saturating_sub(at * 10));
                if age.is_none_or(|age| age < GRACE) {
                    continue;
                }
                self.count("event", "old link removed", 0);
                self.log(|| format!("{path} is old and goes"));
                self.swift.erase(&path);
                self.oracle.aged(&path, self.step);
                if self.relied.get(&path).is_some_and(|at| self.now - at < GRACE / 2) {
                    self.fail(format!("{path} looked old, although somebody was just told that it is there"));
                }
            }
        }
    }

    pub(super) fn heal(&mut self) {
        self.log(|| "all is healed".to_owned());
        self.swift.up = [true; 3];
        self.swift.lag = 0;
        self.swift.converge();
        self.check_changed();
    }
}
