//! `simdeck serve`.

use std::io::IsTerminal;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use estate::Estate;

use super::{Context, Outcome};
use crate::failure::{Exit, Failure};
use crate::files::path_parser;
use crate::{keeper, server};

/// How long what happens by itself may take to come to its end.
const LAST: Duration = Duration::from_secs(5);

/// Serve the store to screens, commands and programs elsewhere, over HTTP.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen: an address and a port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8470")]
    listen: SocketAddr,
    /// The certificate to encrypt with, and those that vouch for it (PEM). Read anew when it
    /// changes.
    #[arg(long, value_name = "FILE", requires = "key", value_parser = path_parser())]
    cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, value_name = "FILE", requires = "cert", value_parser = path_parser())]
    key: Option<PathBuf>,
    /// A proxy in front that is believed when it says where a request comes from (X-Forwarded-For);
    /// once for each.
    #[arg(long, value_name = "ADDRESS")]
    proxy: Vec<IpAddr>,
    /// How many requests a minute each user has.
    #[arg(long, value_name = "N", default_value = "6000")]
    rate: NonZeroU32,
}

/// A line for each request, on standard error: for people on a terminal, else JSON; with --quiet
/// only what went wrong.
fn log_to_stderr(context: &Context) {
    let level = if context.globals.quiet { tracing::Level::ERROR } else { tracing::Level::INFO };
    // Whoever read standard error may have gone: a request is answered all the same.
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let _ = if std::io::stderr().is_terminal() {
        tracing::subscriber::set_global_default(subscriber.finish())
    } else {
        tracing::subscriber::set_global_default(subscriber.json().flatten_event(true).finish())
    };
}

pub fn run(context: &Context, args: &Args) -> Outcome {
    let certificates =
        args.cert.clone().zip(args.key.clone()).map(|(chain, key)| server::Certificates { chain, key });
    if !args.listen.ip().is_loopback() && !context.globals.plaintext && certificates.is_none() {
        let why = "tokens would cross the network unencrypted: give --cert and --key, listen on 127.0.0.1 behind a proxy that speaks TLS, or say --plaintext";
        return Err(Failure::Usage(format!("{}: {why}", args.listen.ip())));
    }
    // HTTP cannot state such a date (RFC 9110 §5.6.7).
    if estate::Time::now().0 < 0 {
        return Err(Failure::Usage(
            "the clock of this machine is before 1970: set it, then start again".into(),
        ));
    }
    log_to_stderr(context);
    let owner = Arc::new(context.open_store()?);
    let sends = context.config.mail.is_some() && !context.globals.readonly;
    let courier = sends.then(|| context.courier()).transpose()?;
    let (wake, woken) = channel();
    let watch = owner.on_commit(Box::new(move || {
        let _ = wake.send(());
    }))?;
    let stop = Arc::new(AtomicBool::new(false));
    let (keeps, kept) = channel();
    {
        let (owner, stop) = (Arc::clone(&owner), Arc::clone(&stop));
        std::thread::spawn(move || {
            // Whoever listens hears of it as of any commit.
            keeper::keep(&owner, courier.as_ref(), &woken, &stop, &|| ());
            let _ = keeps.send(());
        });
    }
    let roles = context.config.roles()?;
    let serve = server::Serve {
        roles,
        owner,
        read_only: context.globals.readonly,
        mail: context.config.mail.is_some(),
        links: context.config.url.clone(),
        rate: args.rate,
        listen: args.listen,
        proxies: args.proxy.clone(),
        certificates,
    };
    let served = server::run(&serve, |at| {
        context.say(format!(
            "serving {at} - described at {at}/docs; sign in with: simdeck login {at}; Ctrl+C ends it"
        ));
    });
    stop.store(true, Ordering::Relaxed);
    drop(watch);
    // Where it waits for another program that writes, it is not waited for.
    let _ = kept.recv_timeout(LAST);
    served?;
    Ok(Exit::Done)
}
