//! A session through the cc door: what Go's linker and people call as if it were gcc.

use std::ffi::OsString;

use crate::args::cc::words::{Word, words};
use crate::args::cc::{self, Action, CcCommand};
use crate::args::control::Backend;
use crate::args::request::{LinkRequest, OutputKind};
use crate::args::{ld, probe, quoted, rspfile};
use crate::diag::{Diagnostic, Diagnostics, Result};
use crate::external::command::{Plan, pass_on, translate};
use crate::external::decide::{self, Linker, Question};
use crate::external::run;
use crate::external::toolchain::{CompilerCommand, StaticKind, ToolchainQuery};
use crate::symbols::cpp_library::CppLibrary;
use crate::target::Target;

use super::report::print;
use super::{Environment, Session, assemble, compile, cpp, host_architecture, target};

/// Reads the line, and does what it asks for. The result is the exit status.
pub(super) fn run(session: &Session<'_>, arguments: Vec<OsString>) -> Result<u8> {
    let named = named_compiler(session.environment)?;
    let mut line = named.as_ref().map(own_flags).unwrap_or_default();
    line.extend(rspfile::expand(arguments)?);
    if let Some(triple) = target::foreign(&line, named.as_ref(), session.environment) {
        return hand_over_foreign(session, &line, &triple, named.as_ref());
    }
    let command = cc::parse(line)?;
    match &command.action {
        Action::LinkerVersion { gold } => print(&linker_version(*gold)),
        Action::Version => print(&format!("{}\n", ld::version_line())),
        Action::Help => print(&crate::args::cli::help()),
        Action::Link if probe::is_probe(&command) => {}
        Action::Compile(_) | Action::Ask(_) => return ask(session, &command, named.as_ref()),
        Action::Link => return link(session, command, named.as_ref()),
    }
    Ok(0)
}

/// The answer to `-Wl,--version`. cmd/link (1.26 and before, arm64) wants "GNU gold" where it asked for gold.
fn linker_version(gold: bool) -> String {
    match gold {
        true => format!("GNU gold ({}) 1.16\n", ld::version_line()),
        false => format!("{}\n", ld::version_line()),
    }
}

/// What `$CC` names, else `$CXX`.
fn named_compiler(environment: &Environment) -> Result<Option<CompilerCommand>> {
    let Some((variable, value)) =
        environment.cc.as_ref().map(|cc| ("CC", cc)).or(environment.cxx.as_ref().map(|cxx| ("CXX", cxx)))
    else {
        return Ok(None);
    };
    let words = quoted::split_fields(value).ok_or_else(|| {
        let message = format!("{variable}: a quotation is not closed in {}", value.to_string_lossy());
        Diagnostics::from(Diagnostic::error("bad-environment", message))
    })?;
    Ok(CompilerCommand::from_words(&words))
}

/// The flags that stand in `$CC`: they count as if typed before all others. So does being a C++ driver.
fn own_flags(compiler: &CompilerCommand) -> Vec<OsString> {
    let cxx = compiler.cxx.then(|| OsString::from("--driver-mode=g++"));
    cxx.into_iter().chain(compiler.arguments[compiler.launch_words()..].iter().map(OsString::from)).collect()
}

/// A question to the compiler, or a line that only compiles: the compiler answers.
fn ask(session: &Session<'_>, command: &CcCommand, named: Option<&CompilerCommand>) -> Result<u8> {
    let target = target::of_driver(command, named, session.environment);
    let question = question(command, named, target, OutputKind::Relocatable, Backend::Auto);
    let compiler = decide::compiler(&question, &|compiler| is_installed(session, compiler))?;
    hand_over(session, &Plan { compiler: &compiler, target, cpp: None, arguments: &command.arguments })
}

fn question<'a>(
    command: &'a CcCommand,
    named: Option<&'a CompilerCommand>,
    target: Option<Target>,
    kind: OutputKind,
    backend: Backend,
) -> Question<'a> {
    Question {
        backend,
        kind,
        triple: command.driver.triple.as_deref(),
        target,
        host_only: &command.link.host_only,
        sanitizers: &command.driver.sanitizers,
        refused: None,
        compiler: named,
        host: host_architecture(),
    }
}

/// Whether the compiler is on the PATH and is not cgolink.
fn is_installed(session: &Session<'_>, compiler: &CompilerCommand) -> bool {
    run::find_program(&compiler.program, &session.environment.path).is_some_and(|file| !run::is_self(&file))
}

fn link(session: &Session<'_>, command: CcCommand, named: Option<&CompilerCommand>) -> Result<u8> {
    if !command.has_inputs() {
        return Err(Diagnostic::error("no-input", "no input files").into());
    }
    let backend = session.environment.backend(command.link.control.backend)?;
    let target = target::of_driver(&command, named, session.environment);
    let kind = command.kind(target::is_dynamic_by_default(target, named));
    let mut question = question(&command, named, target, kind, backend);
    let installed = |compiler: &CompilerCommand| is_installed(session, compiler);
    let decision = decide::decide(&question, &installed)?;
    tell(&decision.reasons);
    if command.driver.dry_run {
        return describe(session, &command, target, &decision.linker);
    }
    let compiler = match decision.linker {
        Linker::HandOff(compiler) => compiler,
        Linker::Native => {
            let errors = match link_natively(session, &command, named, target, kind) {
                Ok(()) => return Ok(0),
                Err(errors) => errors,
            };
            // What only the engine can see: objects for a link-time optimiser.
            let refused = errors.iter().find(|error| error.code == "lto-object");
            let refused = refused.map(|error| format!("{}: {}", error.origin, error.message));
            let (Some(refused), Backend::Auto) = (&refused, backend) else { return Err(errors) };
            question.refused = Some(refused);
            let decision = match decide::decide(&question, &installed) {
                Ok(decision) => decision,
                Err(more) => return Err(errors.and(more)),
            };
            tell(&decision.reasons);
            match decision.linker {
                Linker::HandOff(compiler) => compiler,
                Linker::Native => return Err(errors),
            }
        }
    };
    let cpp = cpp::missing(&command);
    hand_over(session, &Plan { compiler: &compiler, target, cpp, arguments: &command.arguments })
}

fn tell(reasons: &[String]) {
    for reason in reasons {
        tracing::info!("{reason}");
    }
}

/// Links with the engine.
fn link_natively(
    session: &Session<'_>,
    command: &CcCommand,
    named: Option<&CompilerCommand>,
    target: Option<Target>,
    kind: OutputKind,
) -> Result<()> {
    let mut request = LinkRequest { kind, ..command.link.request.clone() };
    let driver = &command.driver;
    // The sources first: without any, the C library may be needed by nobody.
    let compiled = match driver.sources.is_empty() {
        true => None,
        false => {
            let question = question(command, named, target, kind, Backend::Auto);
            let compiler = decide::compiler(&question, &|compiler| is_installed(session, compiler))?;
            compile::sources(session, &compiler, target, driver, &mut request)?
        }
    };
    let wants_library = driver.start_files || driver.c_library || driver.runtime_library;
    request.target = request.target.or(target);
    request.threads = session.environment.threads(request.threads)?;
    let query = target.filter(|_| wants_library).map(|target| ToolchainQuery {
        target,
        kind: if kind == OutputKind::StaticPie { StaticKind::Pie } else { StaticKind::Executable },
        cxx: wants_cxx(command, named),
        sysroot: request.sysroot.clone(),
        compiler: named.cloned(),
    });
    if let Some(query) = &query {
        let library = (session.engine.find)(query)?;
        tracing::info!("C library: {}", library.provenance.sentence);
        request = assemble::assemble(request, driver, &library, &|path| path.is_file());
    }
    tracing::debug!(?request, "linking");
    let supply = cpp::FromToolchain { find: session.engine.find, query: query.as_ref() };
    let linked = session.link(&request, &supply, &command.link.warnings);
    drop(compiled);
    linked
}

/// Whether the C++ runtime is asked for.
fn wants_cxx(command: &CcCommand, named: Option<&CompilerCommand>) -> bool {
    let is_cxx = command.driver.cxx || named.is_some_and(|compiler| compiler.cxx);
    (is_cxx && command.driver.cxx_library) || CppLibrary::is_among(&command.link.request.inputs)
}

/// A link, or a question, for a target that is none of cgolink's: all of it is the compiler's.
fn hand_over_foreign(
    session: &Session<'_>,
    line: &[OsString],
    triple: &str,
    named: Option<&CompilerCommand>,
) -> Result<u8> {
    // The line may hold flags that no table here has; only cgolink's own are looked for.
    let typed = words(line).into_iter().rev().find_map(|word| match word {
        Word::Driver(word) if word.flag == "--backend=" => word.value,
        _ => None,
    });
    let typed = typed.and_then(|name| name.to_str()?.parse().ok());
    let question = Question {
        backend: session.environment.backend(typed)?,
        kind: OutputKind::StaticExecutable,
        triple: Some(triple),
        target: None,
        host_only: &[],
        sanitizers: &[],
        refused: None,
        compiler: named,
        host: host_architecture(),
    };
    let decision = decide::decide(&question, &|compiler| is_installed(session, compiler))?;
    tell(&decision.reasons);
    match decision.linker {
        Linker::HandOff(compiler) => start(session, &compiler, &pass_on(&compiler, line)),
        Linker::Native => Err(Diagnostic::error("unknown-target", format!("the target {triple} is not known")).into()),
    }
}

/// Gives the whole line to a compiler.
fn hand_over(session: &Session<'_>, plan: &Plan<'_>) -> Result<u8> {
    let line = translate(plan)?;
    tell(&line.changes);
    start(session, plan.compiler, &line.argv)
}

fn start(session: &Session<'_>, compiler: &CompilerCommand, argv: &[OsString]) -> Result<u8> {
    if session.environment.handed_off.is_some() {
        let message =
            format!("a compiler that cgolink handed a link to has started cgolink, which would start {compiler}");
        return Err(Diagnostic::error("self-reference", message).help("let $CC name a compiler").into());
    }
    tracing::info!("running {}", show(argv));
    run::run(argv, &session.environment.path, run::Guard::Driver)
}

/// `-###`: what would be done.
fn describe(session: &Session<'_>, command: &CcCommand, target: Option<Target>, linker: &Linker) -> Result<u8> {
    let text = match linker {
        Linker::Native => {
            let target = target.map(|target| target.to_string()).unwrap_or_default();
            format!("cgolink: links for {target} by itself into {}\n", command.link.request.output.display())
        }
        Linker::HandOff(compiler) => {
            let asks = |argument: &&OsString| *argument != "-###";
            let arguments: Vec<OsString> = command.arguments.iter().filter(asks).cloned().collect();
            let plan = Plan { compiler, target, cpp: cpp::missing(command), arguments: &arguments };
            let line = translate(&plan)?;
            format!(" {}\n", show(&line.argv))
        }
    };
    session.reporter.say(&text);
    Ok(0)
}

/// A line as a shell would take it, quoted where it has to be.
fn show(argv: &[OsString]) -> String {
    let quote = |argument: &OsString| {
        let text = argument.to_string_lossy();
        let plain = |letter: char| letter.is_alphanumeric() || "-_=+./,:@%".contains(letter);
        if !text.is_empty() && text.chars().all(plain) {
            text.into_owned()
        } else {
            format!("'{}'", text.replace('\'', "'\\''"))
        }
    };
    argv.iter().map(quote).collect::<Vec<_>>().join(" ")
}
