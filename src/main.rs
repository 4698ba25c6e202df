//! The process: argv in, exit status out. A bug anywhere becomes one error line and status 1.

use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use cgolink::args::control;
use cgolink::args::request::LinkRequest;
use cgolink::diag::{Diagnostic, Diagnostics, Result};
use cgolink::door::{self, Engine, Environment, report::Reporter};
use cgolink::external::toolchain;
use cgolink::link as pipeline;
use cgolink::par;
use cgolink::symbols::supply::Supply;
use cgolink::sys;
use cgolink::trace::Told;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    sys::keep_freed_memory();
    let argv: Vec<OsString> = std::env::args_os().collect();
    let environment = Environment::of_process();
    start_log(&argv);
    // What the hook below hears of a panic, until the message is printed.
    let heard: Arc<Mutex<Option<String>>> = Arc::default();
    let hook = Arc::clone(&heard);
    panic::set_hook(Box::new(move |panic| {
        let mut first = par::lock(&hook);
        first.get_or_insert_with(|| describe(panic));
    }));
    let engine = Engine { link, find: toolchain::find };
    // Nothing of what a panic may have left unfinished is looked at again.
    let status = panic::catch_unwind(AssertUnwindSafe(|| door::run(&argv, &environment, &engine)));
    let status = status.unwrap_or_else(|_| {
        let what = par::lock(&heard).take().unwrap_or_default();
        let bug = Diagnostic::error("internal-error", format!("this is a bug in cgolink: {what}"))
            .help("report it with the command line and, if you can, the inputs");
        Reporter::new(door::error_format(&argv, &environment)).errors(&Diagnostics::from(bug));
        1
    });
    sys::end_before_memory();
    ExitCode::from(status)
}

/// The engine, as the doors see it.
fn link(request: &LinkRequest, supply: &dyn Supply, told: &mut Told) -> Result<Vec<Diagnostic>> {
    pipeline::run(request, supply, told).map(|linked| linked.warnings)
}

/// The message of a panic and its place, on one line.
fn describe(panic: &panic::PanicHookInfo<'_>) -> String {
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or(payload.downcast_ref::<String>().map(String::as_str));
    let message = text.unwrap_or("no message").replace('\n', " ");
    match panic.location() {
        Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
        None => message,
    }
}

/// The log goes to standard error; `CGOLINK_LOG` says what, else `-v` asks for decisions, else it stays silent.
fn start_log(argv: &[OsString]) {
    let default = if control::wants_decisions(argv) { LevelFilter::INFO } else { LevelFilter::OFF };
    let asked = std::env::var("CGOLINK_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_ansi(false);
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(default));
    tracing_subscriber::registry().with(lines).with(filter).init();
}
