//! `simdeck` alone: the screen on the default store, or a way to get one.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use estate::demo::Demo;
use estate::{Error, Estate, Role};

use super::{Context, Outcome, demo, import, init};
use crate::connect;
use crate::failure::{Exit, Failure};
use crate::tui;

/// Longest wait for the threads of a screen that has ended.
const LAST: Duration = Duration::from_secs(2);

pub fn run(context: &Context) -> Outcome {
    match open(context) {
        Ok((estate, kind)) => {
            let ended = tui::run(
                &estate,
                kind,
                &context.config,
                context.globals.no_mouse,
                context.globals.no_color,
            );
            close(&estate);
            ended?;
            Ok(Exit::Done)
        }
        Err(Failure::Estate(Error::NoStore(path))) if std::io::stdin().is_terminal() => {
            context.say(format!("There is no estate at {} yet.\n", path.display()));
            offer(context)
        }
        Err(failure) => Err(failure),
    }
}

/// Waits until the threads of the screen let go of the store, so that closing it leaves one file.
fn close(estate: &Arc<dyn Estate>) {
    let begun = Instant::now();
    while Arc::strong_count(estate) > 1 && begun.elapsed() < LAST {
        std::thread::sleep(Duration::from_millis(2));
    }
    if let Some(local) = estate.local().filter(|_| Arc::strong_count(estate) > 1) {
        // A copy of the file is whole all the same.
        local.fold();
    }
}

fn open(context: &Context) -> Result<(Arc<dyn Estate>, tui::Kind), Failure> {
    if connect::server(&context.globals, &context.config)?.is_some() {
        return Ok((context.open()?, tui::Kind::Remote));
    }
    let local = context.open_store()?.via(&connect::origin("screen"));
    Ok((Arc::new(local), tui::Kind::Local))
}

fn offer(context: &Context) -> Outcome {
    context.say("  1  look at a demo (nothing is kept)\n  2  make a new, empty estate\n  3  make one and import a CSV of SIMs\n  q  leave\n");
    match ask("Choose: ")?.as_str() {
        "1" => demo::open(context, Demo::default(), Role::Admin),
        "2" => {
            make(context)?;
            run(context)
        }
        "3" => {
            let file = crate::files::expand_home(ask("CSV file: ")?);
            if !file.is_file() {
                return Err(Failure::Usage(format!("there is no file {}", file.display())));
            }
            make(context)?;
            import::run(context, &import::Args::of(file))?;
            run(context)
        }
        _ => Ok(Exit::Done),
    }
}

fn make(context: &Context) -> Outcome {
    let account = ask("Name of your account (company): ")?;
    let name = ask("Your name: ")?;
    let email = ask("Your e-mail address: ")?;
    init::run(context, init::Args::new(account, email, name))
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let _ = write!(std::io::stderr(), "{prompt}");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).map_err(|e| Failure::io("cannot read the answer", e))?;
    Ok(line.trim().to_owned())
}
