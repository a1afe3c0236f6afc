use bytes::Bytes;

use super::scenarios;
use crate::support::{Run, Step};
use wharfinger_core::exchange::{
    CallId, Collected, Exchange, Input, Outcome, Output, Side, TimerId, To, Told,
};
use wharfinger_core::store::{Fault, Found, Page, Reply};
use wharfinger_core::swift::SecretText;
use wharfinger_core::transfer::{End, Moved};

fn replies() -> Vec<Reply> {
    vec![
        Reply::Found(Found { size: 0, age: 0, etag: None }),
        Reply::Found(Found { size: 10, age: 1 << 40, etag: None }),
        Reply::Missing,
        Reply::Written { md5: None },
        Reply::Exists,
        Reply::Done,
        Reply::Page(Page { rows: Vec::new(), more: true }),
        Reply::Damaged,
        Reply::Mismatch,
        Reply::Full,
        Reply::Refused,
        Reply::Unavailable { retry_after: Some(u32::MAX) },
    ]
}

fn ends() -> [Moved; 6] {
    [End::Eof, End::Taken, End::Stalled, End::SourceBroke, End::SourceLate, End::SinkBroke].map(|end| Moved {
        bytes: 3,
        end,
        hashed: None,
    })
}

fn collected() -> [Collected; 4] {
    [Collected::Whole(Bytes::from_static(b"x")), Collected::TooLong, Collected::Broke, Collected::Late]
}

/// All that can be heard of a call.
fn news(call: CallId) -> Vec<Input> {
    let mut news: Vec<_> = replies().into_iter().map(|reply| Input::Head { call, reply }).collect();
    news.extend(ends().map(|moved| Input::Fed { to: To::Call(call), moved }));
    news.extend(collected().map(|outcome| Input::Collected { from: Side::Backend(call), outcome }));
    news.extend([Fault::Unreachable, Fault::Broken, Fault::Late].map(|fault| Input::Failed { call, fault }));
    news.extend([true, false].map(|granted| Input::Told { answer: Told::Retry { call, granted } }));
    news
}

/// All else that can be heard.
fn other_news() -> Vec<Input> {
    let mut news: Vec<_> = ends().map(|moved| Input::Fed { to: To::Reply, moved }).into();
    news.extend(collected().map(|outcome| Input::Collected { from: Side::Client, outcome }));
    news.extend(ends().map(|moved| Input::Hashed { moved }));
    let url = SecretText::new("http://a");
    let told = [Told::Granted, Told::Denied, Told::Location(None), Told::Location(Some(url))];
    news.extend(told.map(|answer| Input::Told { answer }));
    news
}

/// Lives a run to its end and looks at it before every step.
fn each_step(look: impl Fn(&Run, &mut crate::support::Store)) {
    for (mut registry, mut run) in scenarios() {
        let mut steps = 0;
        loop {
            look(&run, &mut registry.store);
            if matches!(run.step(&mut registry.store), Step::Over) {
                break;
            }
            steps += 1;
            assert!(steps < 1000, "an exchange ends");
        }
        assert_eq!(run.reply().outcome, Some(Outcome::Complete));
    }
}

#[test]
fn a_client_that_leaves_ends_it_visibly_and_all_calls_with_it() {
    each_step(|run, store| {
        let (mut run, mut store) = (run.clone(), store.clone());
        if !run.is_over() {
            run.leave(&mut store);
            let outcome = run.reply().outcome;
            let had_ended = run.reply().outputs.contains(&Output::Done(Outcome::Complete));
            assert!(outcome == Some(Outcome::Cut) || had_ended, "{outcome:?}");
        }
    });
}

#[test]
fn news_of_calls_and_timers_that_are_no_more_change_nothing() {
    each_step(|run, store| {
        let mut run = run.clone();
        run.drain(&mut store.clone());
        if run.is_over() {
            return;
        }
        let open = run.open_calls();
        let slots = [0, 1, 2, 3, 7, 8, u8::MAX];
        for slot in slots {
            for generation in [0, 1, 2, 3, 4, u8::MAX] {
                let call = CallId { slot, generation };
                if open.contains(&call) {
                    continue;
                }
                for input in news(call) {
                    let mut exchange = run.exchange.clone();
                    exchange.handle_input(input.clone());
                    assert!(exchange == run.exchange, "{input:?}");
                    assert_eq!(exchange.poll_output(), Output::Wait, "{input:?}");
                }
            }
        }
        let running = run.timers();
        for slot in slots {
            for generation in [0, 1, 2, 3, 4, u8::MAX] {
                let timer = TimerId { slot, generation };
                if !running.contains(&timer) {
                    let mut exchange = run.exchange.clone();
                    exchange.handle_input(Input::Fired { timer });
                    assert!(exchange == run.exchange, "{timer:?}");
                }
            }
        }
    });
}

#[test]
fn no_news_at_any_time_breaks_an_exchange() {
    each_step(|run, store| {
        let mut run = run.clone();
        run.drain(&mut store.clone());
        let mut inputs: Vec<_> = run.open_calls().into_iter().flat_map(news).collect();
        inputs.extend(other_news());
        inputs.extend(run.timers().into_iter().map(|timer| Input::Fired { timer }));
        for first in &inputs {
            let mut exchange = run.exchange.clone();
            exchange.handle_input(first.clone());
            settle(&mut exchange);
            for second in inputs.iter().step_by(11) {
                let mut exchange = exchange.clone();
                exchange.handle_input(second.clone());
                settle(&mut exchange);
            }
        }
    });
}

/// Polls until nothing is to be done.
fn settle(exchange: &mut Exchange) {
    for _ in 0..100 {
        match exchange.poll_output() {
            Output::Wait | Output::Done(_) => return,
            Output::Send { .. }
            | Output::Feed { .. }
            | Output::Collect { .. }
            | Output::Digest { .. }
            | Output::Respond { .. }
            | Output::Ask { .. }
            | Output::Abort { .. }
            | Output::Sleep { .. } => {}
        }
    }
    panic!("outputs end");
}
