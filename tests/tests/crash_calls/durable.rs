//! What is told is on the disk: a power cut takes away more than a kill, but nothing that was acknowledged.

use std::io;

use wharfinger_tests::trace::Fault;

use crate::stage::Stage;
use wharfinger_tests::forms::{Action, FORMS, Form};

/// What a form is told too early.
fn told_early(form: Form, sync: &str) -> io::Result<Vec<Fault>> {
    let stage = Stage::prepared(form)?;
    let traced = stage.tracer();
    let registry = stage.start_traced(&traced, sync).expect("the registry starts under the tracer");
    let told = Action::new(form, registry.address(), 1).act();
    assert!(told.success(), "{form:?}: {:?}", told.last);
    Ok(stage.faults(&traced.entries()?))
}

#[test]
fn every_success_is_told_after_it_is_on_the_disk() -> io::Result<()> {
    for form in FORMS {
        let faults = told_early(form, "full")?;
        assert!(faults.is_empty(), "{form:?}: {}", lines(&faults));
    }
    Ok(())
}

/// Without syncs, every form that leaves anything must be caught.
#[test]
fn a_registry_that_syncs_nothing_is_caught() -> io::Result<()> {
    for form in FORMS {
        let faults = told_early(form, "none")?;
        assert!(!faults.is_empty(), "{form:?} was not caught");
    }
    Ok(())
}

#[test]
fn a_first_start_has_its_secret_on_the_disk() -> io::Result<()> {
    let stage = Stage::new();
    let traced = stage.tracer();
    let registry = stage.start_traced(&traced, "full").expect("the registry starts under the tracer");
    let action = Action::new(Form::SmallBlob, registry.address(), 1);
    action.prepare()?;
    let faults = stage.faults(&traced.entries()?);
    assert!(faults.is_empty(), "{}", lines(&faults));
    Ok(())
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("\n{fault}")).collect()
}
