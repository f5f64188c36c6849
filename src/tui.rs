//! The screen: one loop that waits, updates, performs and draws. It sleeps unless something
//! happens.

pub mod action;
pub mod availability;
pub mod chips;
pub mod columns;
pub mod conditions;
pub mod facts;
pub mod harness;
pub mod hit_test;
pub mod keymap;
pub mod layout;
pub mod managed;
pub mod model;
pub mod msg;
pub mod overlay;
pub mod perform;
pub mod remember;
pub mod selection;
pub mod table;
pub mod term;
pub mod theme;
pub mod toast;
pub mod tree;
pub mod update;
pub mod view;
pub mod wrap;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use estate::{CancelToken, Estate, Time, UserId};
use ratatui::layout::Rect;

use crate::config::Config;
use crate::failure::Failure;
use crate::keeper;
use crate::notify::Dispatcher;
use crate::probe::Probes;
use keymap::Keymap;
pub use model::Kind;
use model::{Location, Model, Start};
use msg::{Effect, Msg};
use perform::Performer;
use term::Capabilities;
use term::guard::{Input, Terminal};
use term::screen::Screen;
use theme::Theme;

/// The shortest time between two frames: what happens meanwhile is drawn at once. A link carries
/// fewer.
const FRAME: Duration = Duration::from_millis(16);
const FRAME_SSH: Duration = Duration::from_millis(66);

/// How the person left a screen.
enum Left {
    /// For good.
    Quit,
    /// To look at the estate through somebody's eyes.
    ViewAs(UserId),
}

/// What every screen of one run shares.
struct Around<'a> {
    config: &'a Config,
    mouse: bool,
    no_color: bool,
}

/// Opens the screen on an estate, until the person leaves. Whoever looks through somebody else's
/// eyes comes back to their own screen as they left it.
pub fn run(
    own: &Arc<dyn Estate>,
    kind: Kind,
    config: &Config,
    no_mouse: bool,
    no_color: bool,
) -> Result<(), Failure> {
    if !rustix::termios::isatty(rustix::stdio::stdin()) && std::fs::File::open("/dev/tty").is_err() {
        return Err(Failure::Usage(
            "the screen needs a terminal; without one use the commands: simdeck --help".into(),
        ));
    }
    log_to_file();
    let around = Around { config, mouse: config.mouse.unwrap_or(true) && !no_mouse, no_color };
    let mut model = begin(own, kind, &around)?;
    loop {
        let Left::ViewAs(id) = screen(own, &mut model, &around)? else { return Ok(()) };
        match own.view_as(id) {
            Ok(seen) => {
                let mut theirs = begin(&seen, Kind::Seen, &around)?;
                let who = estate::text::clean(&seen.me().name).into_owned();
                theirs.messages.say(format!("you see what {who} sees, and change nothing; q comes back"));
                screen(&seen, &mut theirs, &around)?;
                if theirs.ended {
                    return Ok(());
                }
                model.messages.say("this is your own view again");
            }
            Err(error) => model.messages.fail(&error),
        }
    }
}

/// The first state of a screen.
fn begin(estate: &Arc<dyn Estate>, kind: Kind, around: &Around<'_>) -> Result<Model, Failure> {
    let config = around.config;
    let capabilities = around.capabilities();
    let mut model = Model::new(Start {
        kind,
        site: Location {
            place: estate.location(),
            estate: estate.estate_id()?,
            links: if kind == Kind::Remote { Some(estate.location()) } else { config.url.clone() },
        },
        me: estate.me().clone(),
        roles: estate.roles().clone(),
        read_only: estate.read_only(),
        accounts: estate.accounts(&CancelToken::new())?,
        keymap: Keymap::load(config)?,
        theme: Theme::load(config, &capabilities)?,
        size: Terminal::size(),
        mouse: around.mouse,
        clipboard: capabilities.clipboard(),
        machine: crate::doctor::facts(
            config,
            estate.location().as_ref(),
            "open",
            &crate::doctor::periods(estate.as_ref()),
        ),
        probes: if kind == Kind::Demo { Probes::simulate() } else { config.probe.clone() },
        mail: if kind == Kind::Remote { estate.mails_links() } else { config.mail.is_some() },
        now: Time::now(),
    });
    remember::recall(&mut model);
    Ok(model)
}

impl Around<'_> {
    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::of_env();
        if self.no_color {
            capabilities.tier = term::ColorDepth::Mono;
        }
        capabilities
    }
}

/// One screen, from its first frame to its last.
fn screen(estate: &Arc<dyn Estate>, model: &mut Model, around: &Around<'_>) -> Result<Left, Failure> {
    // A demo tells nobody, and neither does who only looks.
    let courier = match model.kind {
        Kind::Local => Some(Dispatcher::new(around.config.mail.as_ref(), &around.config.webhook)?),
        Kind::Demo | Kind::Seen | Kind::Remote => None,
    };
    let ssh = around.capabilities().ssh;
    let (sender, receiver) = channel();
    let broken = |e| Failure::io("cannot use this terminal", e);
    (model.quitting, model.size) = (false, Terminal::size());
    let terminal = Terminal::take(model.mouse, ssh, &sender, spawn_listener).map_err(broken)?;
    let keeper = Keeper { courier };
    let mut screen = Loop::new(terminal, ssh, estate, sender, keeper);
    // The screen's clock goes on where it stood.
    screen.begun = Instant::now().checked_sub(model.at).unwrap_or(screen.begun);
    let ended = screen.run(model, &receiver);
    let left = screen.view_as.take().map_or(Left::Quit, Left::ViewAs);
    drop(screen);
    ended.map(|()| left).map_err(broken)
}

fn spawn_listener(heard: Input) -> Msg {
    match heard {
        Input::Event(event) => Msg::Input(event),
        Input::End => Msg::End,
        Input::Stop => Msg::Stop,
        Input::Continued => Msg::Continued,
    }
}

/// Failures and their context go to a file; the screen is no place for a log.
fn log_to_file() {
    if std::fs::create_dir_all(crate::folders::state_dir()).is_err() {
        return;
    }
    if let Ok(file) = crate::files::open_state_file(&crate::files::log_file()) {
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(std::sync::Mutex::new(file)).finish();
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
}

/// What happens by itself needs the store and whoever sends messages.
struct Keeper {
    courier: Option<Dispatcher>,
}

/// What the loop holds besides the model.
struct Loop {
    /// Through whose eyes the person wants to look.
    view_as: Option<UserId>,
    performer: Performer,
    screen: Screen,
    before: Option<(i64, Rect)>,
    begun: Instant,
    drawn: Instant,
    pace: Duration,
    estate: Arc<dyn Estate>,
    sender: Sender<Msg>,
    logged: usize,
    /// What happens by itself, until it has begun.
    keeper: Option<Keeper>,
    stop: Arc<AtomicBool>,
    /// Last, so that the terminal is put back after everything else has stopped.
    terminal: Terminal,
}

impl Loop {
    fn new(
        terminal: Terminal,
        ssh: bool,
        estate: &Arc<dyn Estate>,
        sender: Sender<Msg>,
        keeper: Keeper,
    ) -> Self {
        Self {
            keeper: Some(keeper),
            stop: Arc::default(),
            performer: Performer::new(estate, &sender),
            screen: Screen::new(),
            before: None,
            begun: Instant::now(),
            drawn: Instant::now(),
            pace: if ssh { FRAME_SSH } else { FRAME },
            estate: Arc::clone(estate),
            sender,
            logged: 0,
            view_as: None,
            terminal,
        }
    }

    fn run(&mut self, model: &mut Model, receiver: &Receiver<Msg>) -> io::Result<()> {
        for effect in update::begin(model) {
            self.carry_out(model, effect)?;
        }
        let mut watch = None;
        let mut drawn_rows = false;
        loop {
            let Some(first) = wait(model, receiver, self.begun) else { return Ok(()) };
            self.take(model, first)?;
            // Everything that waits is taken before anything is drawn.
            let pause = self.pace.saturating_sub(self.drawn.elapsed());
            let ready = Instant::now() + pause;
            while let Ok(next) = receiver.recv_timeout(ready.saturating_duration_since(Instant::now())) {
                self.take(model, next)?;
            }
            if model.quitting {
                return Ok(());
            }
            self.draw(model)?;
            if !drawn_rows && !model.table.loading {
                // Only after the first rows are seen does anything else begin.
                drawn_rows = true;
                watch = self.keep();
            }
            let _ = &watch;
        }
    }

    fn take(&mut self, model: &mut Model, msg: Msg) -> io::Result<()> {
        model.at = self.begun.elapsed();
        model.now = Time::now();
        for effect in update::update(model, msg) {
            self.carry_out(model, effect)?;
        }
        for message in model.messages.all.iter().skip(self.logged) {
            tracing::info!(weight = ?message.weight, "{}", message.text);
        }
        self.logged = model.messages.all.len();
        term::guard::set_changing(model.job.is_some());
        Ok(())
    }

    fn carry_out(&mut self, model: &mut Model, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Clipboard(text) => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(text);
                self.terminal.write(format!("\x1b]52;c;{encoded}\x07").as_bytes())?;
            }
            Effect::Mouse(on) => self.terminal.set_mouse(on)?,
            Effect::Redraw => self.screen.forget(),
            Effect::Remember => remember::keep(model),
            Effect::Suspend => {
                self.terminal.suspend()?;
                model.size = Terminal::size();
                self.screen.forget();
            }
            Effect::ViewAs(id) => {
                self.view_as = Some(id);
                model.quitting = true;
            }
            Effect::Quit => model.quitting = true,
            other => self.performer.send(other),
        }
        Ok(())
    }

    fn draw(&mut self, model: &Model) -> io::Result<()> {
        let frame = view::frame(model);
        let scroll = view::scroll_since(model, &mut self.before);
        let bytes = self.screen.frame(&frame.buffer, frame.cursor, scroll)?;
        self.drawn = Instant::now();
        if bytes.is_empty() { Ok(()) } else { self.terminal.write(&bytes) }
    }

    /// Hears of commits, our own and those of other programs; wakes whoever works by itself.
    fn listen(&self, wake: Sender<()>) -> Option<estate::CommitWatch> {
        let sender = self.sender.clone();
        let estate = Arc::clone(&self.estate);
        let seen = std::sync::Mutex::new((estate.rev().unwrap_or(0), None));
        let live = AtomicBool::new(false);
        let _ = sender.send(Msg::Live(false));
        let hear = Box::new(move || {
            let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let is_live = estate.is_live();
            if live.swap(is_live, Ordering::Relaxed) != is_live {
                let _ = sender.send(Msg::Live(is_live));
            }
            let offline = estate.offline_since();
            if offline != seen.1 {
                let _ = sender.send(Msg::Offline(offline));
            }
            // The log of SQLite grows for other reasons too; only a new revision is news. What came
            // while nobody could be asked is, too, and what happened at a server by itself has
            // none.
            let back = offline.is_none() && seen.1.is_some();
            seen.1 = offline;
            let Ok((now, touched)) = estate.changed_since(seen.0) else { return };
            if back || touched || (now == seen.0 && estate.local().is_none()) {
                let _ = (sender.send(Msg::Committed), wake.send(()));
            }
            seen.0 = now;
        });
        self.estate.on_commit(hear).ok()
    }

    /// Begins what happens by itself.
    fn keep(&mut self) -> Option<estate::CommitWatch> {
        let (wake, woken) = channel();
        let watch = self.listen(wake);
        if let Some(Keeper { courier }) = self.keeper.take() {
            let (sender, stop) = (self.sender.clone(), Arc::clone(&self.stop));
            let estate = Arc::clone(&self.estate);
            std::thread::spawn(move || {
                let changed = || drop(sender.send(Msg::Committed));
                // At a server it is the server that does it.
                if let Some(local) = estate.local() {
                    keeper::keep(local, courier.as_ref(), &woken, &stop, &changed);
                }
            });
        }
        watch
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Sleeps until something happens or a moment that is waited for comes.
fn wait(model: &Model, receiver: &Receiver<Msg>, begun: Instant) -> Option<Msg> {
    let Some(deadline) = model.deadline() else { return receiver.recv().ok() };
    match receiver.recv_timeout(deadline.saturating_sub(begun.elapsed())) {
        Ok(msg) => Some(msg),
        Err(RecvTimeoutError::Timeout) => Some(Msg::Tick),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}
