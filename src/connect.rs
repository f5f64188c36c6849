//! Which estate a command means: the options, then the profile, then the configuration, then the
//! default place.

use std::path::PathBuf;

use estate::{Error, Local};

use crate::cli::Globals;
use crate::config::Config;
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::folders::default_store;
use crate::remote::{Remote, Server};

/// From where a change is made: what with, whose login, which machine. The store's file is its
/// owner's to trust; the log says who that was.
pub fn origin(with: &str) -> String {
    let login = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let at = if login.is_empty() { host } else { format!("{login}@{host}") };
    format!("{with}, {at}")
}

/// The path of the store that is meant.
pub fn store_path(globals: &Globals, config: &Config) -> Result<PathBuf, Failure> {
    let profile = profile(globals, config)?;
    let named = globals
        .store
        .clone()
        .or_else(|| profile.and_then(|p| p.store.clone()))
        .or_else(|| config.store.clone());
    Ok(named.unwrap_or_else(default_store))
}

fn profile<'a>(
    globals: &Globals,
    config: &'a Config,
) -> Result<Option<&'a crate::config::Profile>, Failure> {
    let Some(name) = &globals.profile else { return Ok(None) };
    match config.profile.get(name) {
        Some(profile) => Ok(Some(profile)),
        None => Err(Error::not_found("profile", name.clone()).into()),
    }
}

/// The server that is meant, if one is: the option, then the profile, then the configuration; a
/// store that is named comes before the latter two.
pub fn server(globals: &Globals, config: &Config) -> Result<Option<Server>, Failure> {
    let profile = profile(globals, config)?;
    // Both are never typed.
    if globals.server.is_some() && globals.store.is_some() {
        let why = "SIMDECK_STORE and SIMDECK_SERVER are both set: say --store or --server";
        return Err(Failure::Usage(why.into()));
    }
    if let Some(url) = &globals.server {
        let ca = profile.and_then(|p| p.ca.clone()).or_else(|| config.ca.clone());
        return Ok(Some(Server { ca, ..Server::parse(url, globals.plaintext)? }));
    }
    if globals.store.is_some() {
        return Ok(None);
    }
    let (url, ca) = match profile {
        Some(p) if p.server.is_some() || p.store.is_some() => (&p.server, &p.ca),
        _ => (&config.server, &config.ca),
    };
    let ca = ca.clone().or_else(|| config.ca.clone());
    let parse = |url: &String| Ok(Server { ca, ..Server::parse(url, globals.plaintext)? });
    url.as_ref().map(parse).transpose()
}

/// Signs in at the server that is meant.
pub fn remote(server: Server, globals: &Globals, config: &Config) -> Result<Remote, Failure> {
    if globals.user.is_some() || globals.account.is_some() {
        let why =
            "--as and --account are for a store; a server knows who you are by what you signed in with";
        return Err(Failure::Usage(why.into()));
    }
    let profile = profile(globals, config)?;
    // A token goes only to the server it was configured with.
    let own = |url: &Option<String>, command: &Option<String>| {
        let known = url.as_deref().and_then(|url| Server::parse(url, true).ok());
        command.clone().filter(|_| known.is_some_and(|known| known.url == server.url))
    };
    let command = profile
        .and_then(|p| own(p.server.as_ref().map_or(&config.server, |_| &p.server), &p.token_command))
        .or_else(|| own(&config.server, &config.token_command));
    let command = command.as_deref();
    let credentials = Credentials::find(&server.url, command)?;
    Ok(Remote::connect(server, credentials, globals.readonly)?)
}

/// Opens the store that is meant as the user that is meant.
///
/// A store of an older schema is upgraded, after a backup, only where `changes` says that the
/// command makes changes.
pub fn open(globals: &Globals, config: &Config, changes: bool) -> Result<Local, Failure> {
    let profile = profile(globals, config)?;
    // The account belongs to the user it stands beside.
    let beside = [
        (globals.user.as_ref(), None),
        (profile.and_then(|p| p.user.as_ref()), profile.and_then(|p| p.account.as_deref())),
        (config.user.as_ref(), config.account.as_deref()),
    ];
    let (user, account) = beside.into_iter().find(|(user, _)| user.is_some()).unwrap_or((None, None));
    let (user, account) = (user.map(String::as_str), globals.account.as_deref().or(account));
    let path = store_path(globals, config)?;
    let local = if changes || globals.readonly {
        Local::open_in(&path, user, account, globals.readonly)?
    } else {
        Local::open_as_is(&path, user, account)?
    };
    let local = local.via(&origin("command line"));
    let local = local.with_mail(config.mail.is_some()).with_links(config.url.clone());
    let local = local.with_private_webhooks(config.webhook.allow_private);
    Ok(local.with_roles(config.roles()?))
}
