//! What must hold of waiting for a place however threads interleave; loom looks for an order that breaks it.
//!
//! Each test runs the real code. There is no time under loom, so that a place that is lost, or a wake-up that is, shows
//! as a thread that waits for ever. Run by `cargo xtask loom`.

use std::time::Duration;

use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use crate::engine::session::limit::Limit;
use crate::engine::session::signal::{Ending, Signal};

const FOR_EVER: Duration = Duration::from_secs(1 << 30);

/// Switches away from a thread that could go on, at most so many in one order.
const PREEMPTIONS: usize = 3;

/// Checks in every order within that bound.
fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(check);
}

/// Takes a place, and is never inside with more than there are places.
fn enter(limit: &Limit, inside: &AtomicU32, places: u32) {
    let place = limit.take(None).unwrap();
    assert!(inside.fetch_add(1, Ordering::SeqCst) < places);
    inside.fetch_sub(1, Ordering::SeqCst);
    drop(place);
}

#[test]
fn everyone_gets_a_place_and_nobody_too_many() {
    for places in [1, 2] {
        model(move || {
            let (limit, inside) = (Arc::new(Limit::new(places, FOR_EVER)), Arc::new(AtomicU32::new(0)));
            let others: Vec<_> = (0..2)
                .map(|_| {
                    let (limit, inside) = (limit.clone(), inside.clone());
                    thread::spawn(move || enter(&limit, &inside, places))
                })
                .collect();
            enter(&limit, &inside, places);
            others.into_iter().for_each(|other| other.join().unwrap());
            limit.assert_idle();
        });
    }
}

#[test]
fn a_run_that_is_ended_while_it_waits_is_woken_and_loses_no_place() {
    model(|| {
        let (limit, signal) = (Arc::new(Limit::new(1, FOR_EVER)), Arc::new(Signal::new()));
        let place = limit.take(None).unwrap();
        let waiter = {
            let (limit, signal) = (limit.clone(), signal.clone());
            // Nobody gives the place back before this ends: only the signal can wake it.
            thread::spawn(move || assert!(matches!(limit.take(Some(&signal)), Err(None))))
        };
        assert!(signal.end(Ending::Cancelled));
        assert!(!signal.end(Ending::Late), "the first reason counts");
        waiter.join().unwrap();
        assert_eq!(signal.ending(), Some(Ending::Cancelled));
        drop(place);
        limit.assert_idle();
    });
}

#[test]
fn a_place_given_at_the_moment_of_the_end_is_not_lost() {
    model(|| {
        let (limit, signal) = (Arc::new(Limit::new(1, FOR_EVER)), Arc::new(Signal::new()));
        let place = limit.take(None).unwrap();
        let waiter = {
            let (limit, signal) = (limit.clone(), signal.clone());
            thread::spawn(move || match limit.take(Some(&signal)) {
                Ok(place) => drop(place),
                Err(reason) => assert!(reason.is_none() && signal.ending().is_some()),
            })
        };
        let ender = {
            let signal = signal.clone();
            thread::spawn(move || signal.end(Ending::Late))
        };
        drop(place);
        waiter.join().unwrap();
        assert!(ender.join().unwrap());
        limit.assert_idle();
        drop(limit.take(None).unwrap());
    });
}
