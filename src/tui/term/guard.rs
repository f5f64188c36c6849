//! The terminal as it was: raw mode and modes taken, the tty read, and everything put back however
//! we end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Once};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use super::event::Event;
use super::input::Decoder;

/// Alternate screen, no cursor, mouse buttons and drags (never all motion), bracketed paste.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?2004h";
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1002h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1002l\x1b[?1000l";
/// Everything that could be on, off; whether or not we switched it on.
const LEAVE: &str = "\x1b[?2026l\x1b[r\x1b[m\x1b[?1006l\x1b[?1003l\x1b[?1002l\x1b[?1000l\x1b[?1004l\x1b[?2004l\x1b[?25h\x1b[?1049l";

/// How long a dying terminal gets to take the last bytes.
const DYING: Duration = Duration::from_millis(1_500);

static RESTORE: AtomicBool = AtomicBool::new(false);
static CHANGING: AtomicBool = AtomicBool::new(false);

/// Puts the terminal back; harmless when there is nothing to put back.
pub fn restore() {
    if RESTORE.swap(false, Ordering::SeqCst) {
        if let Ok(mut tty) = tty() {
            let _ = tty.write_all(LEAVE.as_bytes());
        }
        // What was typed or reported meanwhile must not land in the shell.
        if let Ok(tty) = tty() {
            let _ = rustix::termios::tcflush(&tty, rustix::termios::QueueSelector::IFlush);
        }
        let _ = crossterm::terminal::disable_raw_mode();
    }
}

fn tty() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// What the terminal tells the loop.
#[derive(Debug)]
pub enum Input {
    /// A person did something.
    Event(Event),
    /// The program has to end: TERM, HUP, or the terminal went away.
    End,
    /// The program was asked to stop for a while (Ctrl+Z from outside).
    Stop,
    /// It runs again: everything has to be drawn anew.
    Continued,
}

/// The terminal, taken over until it is dropped.
pub struct Terminal {
    tty: File,
    mouse: bool,
    /// Ends the reader's wait while the program is stopped or ending.
    _wake: OwnedFd,
}

impl Terminal {
    /// Takes the terminal over and sends what happens through `hear`.
    pub fn take<M: Send + 'static>(
        mouse: bool,
        ssh: bool,
        sender: &Sender<M>,
        hear: fn(Input) -> M,
    ) -> io::Result<Self> {
        hook_panics();
        let tty = tty()?;
        crossterm::terminal::enable_raw_mode()?;
        RESTORE.store(true, Ordering::SeqCst);
        let (wait, wake) = rustix::pipe::pipe()?;
        let mut terminal = Self { tty, mouse, _wake: wake };
        terminal.enter()?;
        spawn_reader(terminal.tty.try_clone()?, wait, ssh, sender.clone(), hear);
        spawn_signals(sender.clone(), hear)?;
        Ok(terminal)
    }

    fn enter(&mut self) -> io::Result<()> {
        self.write(ENTER.as_bytes())?;
        if self.mouse { self.write(MOUSE_ON.as_bytes()) } else { Ok(()) }
    }

    /// Sends a frame, whole.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.tty.write_all(bytes)
    }

    /// Switches mouse reports on or off.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.write(if on { MOUSE_ON } else { MOUSE_OFF }.as_bytes())
    }

    /// The size now.
    pub fn size() -> (u16, u16) {
        crossterm::terminal::size().unwrap_or((80, 24))
    }

    /// Gives the terminal back, stops the process, and takes it again when it continues.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        crossterm::terminal::enable_raw_mode()?;
        RESTORE.store(true, Ordering::SeqCst);
        self.enter()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Notes whether a change is running: a panic says what became of it.
pub fn set_changing(changing: bool) {
    CHANGING.store(changing, Ordering::SeqCst);
}

/// The sentence a panic leaves on the terminal.
fn panic_sentence(changing: bool, log: Option<&Path>) -> String {
    let what = if changing {
        "the running change was either made whole or not made (see simdeck history)"
    } else {
        "nothing was changed"
    };
    let details = log.map(|log| format!("; details are in {}", log.display())).unwrap_or_default();
    format!("simdeck stopped because of an internal error; {what}{details}.")
}

/// Appends the message and the backtrace to the log; `None` where that is not possible.
fn log_panic(info: &std::panic::PanicHookInfo<'_>) -> Option<PathBuf> {
    let path = crate::files::log_file();
    std::fs::create_dir_all(path.parent()?).ok()?;
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    crate::files::refuse_links(&mut options);
    let mut log = options.open(&path).ok()?;
    let trace = std::backtrace::Backtrace::force_capture();
    writeln!(log, "{info}\n{trace}").ok()?;
    Some(path)
}

/// A panic puts the terminal back first, so that its message can be read. The backtrace goes to the
/// log.
fn hook_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            let log = log_panic(info);
            if log.is_none() {
                before(info);
            }
            eprintln!("{}", panic_sentence(CHANGING.load(Ordering::SeqCst), log.as_deref()));
            // A panic in any thread ends the program: half a program is worse than none.
            std::process::exit(101);
        }));
    });
}

/// Reads the tty: sleeps until bytes come, an ESC has waited long enough, or the terminal is gone.
fn spawn_reader<M: Send + 'static>(
    mut tty: File,
    wait: OwnedFd,
    ssh: bool,
    sender: Sender<M>,
    hear: fn(Input) -> M,
) {
    thread::spawn(move || {
        let begun = Instant::now();
        let mut decoder = Decoder::new(ssh);
        let mut buffer = vec![0u8; 64 << 10];
        loop {
            // Half a millisecond later, so that the moment has come when it wakes.
            let later = |deadline: Duration| {
                deadline.saturating_sub(begun.elapsed()) + Duration::from_micros(500)
            };
            let pause = decoder.deadline().map(later);
            let pause = pause
                .map(|p| Timespec { tv_sec: p.as_secs() as i64, tv_nsec: i64::from(p.subsec_nanos()) });
            let mut fds = [PollFd::new(&tty, PollFlags::IN), PollFd::new(&wait, PollFlags::IN)];
            match poll(&mut fds, pause.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => break,
                Ok(_) => {}
            }
            let (state, woken) = (fds[0].revents(), fds[1].revents());
            if !woken.is_empty() {
                return;
            }
            let mut events = decoder.expire(begun.elapsed());
            if state.contains(PollFlags::IN) {
                match tty.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(length) => events.extend(decoder.feed(&buffer[..length], begun.elapsed())),
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            } else if state.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
                break;
            }
            for event in events {
                if sender.send(hear(Input::Event(event))).is_err() {
                    return;
                }
            }
        }
        end(&sender, hear);
    });
}

/// Tells the loop to end, and ends the process if the loop cannot (blocked in a write to a dead
/// terminal).
fn end<M: Send + 'static>(sender: &Sender<M>, hear: fn(Input) -> M) {
    let _ = sender.send(hear(Input::End));
    thread::sleep(DYING);
    restore();
    std::process::exit(129);
}

fn spawn_signals<M: Send + 'static>(sender: Sender<M>, hear: fn(Input) -> M) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT, SIGWINCH, SIGCONT, SIGTSTP])?;
    let ending = Arc::new(AtomicBool::new(false));
    thread::spawn(move || {
        for signal in &mut signals {
            let sent = match signal {
                SIGWINCH => {
                    let (columns, rows) = Terminal::size();
                    sender.send(hear(Input::Event(Event::Resize(columns, rows))))
                }
                SIGCONT => sender.send(hear(Input::Continued)),
                SIGTSTP => sender.send(hear(Input::Stop)),
                _ => {
                    if !ending.swap(true, Ordering::SeqCst) {
                        let sender = sender.clone();
                        thread::spawn(move || end(&sender, hear));
                    }
                    Ok(())
                }
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(())
}
