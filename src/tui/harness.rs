//! The screen without a terminal: keys in, cells out, effects carried out at once and in order.
//!
//! Screen tests, screenshots and the benchmark drive the same model, update and view as the loop
//! does.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use estate::{CancelToken, Estate, Filter, Local, Query, Time};
use ratatui::buffer::Buffer;

use super::action::Action;
use super::hit_test::{self, Hit};
use super::keymap::Keymap;
use super::model::{Kind, Location, Model, Start};
use super::msg::{Effect, Msg};
use super::term::{Button, Code, Event, Key, Mouse, MouseKind};
use super::theme::Theme;
use super::{layout, perform, update, view};

/// Keys of a test come one by one, as from a person who looks: later than the screen ignores
/// letters after a refusal.
const PACE: Duration = Duration::from_millis(800);

/// A screen in process.
pub struct Session {
    /// Its state.
    pub model: Model,
    /// The estate behind it.
    pub estate: Arc<dyn Estate>,
    /// Effects that belong to the loop: what would have gone to the terminal.
    pub outside: Vec<Effect>,
    /// Whether effects are carried out, or only gathered in [`Session::held`].
    pub hold: bool,
    /// Effects that were held back.
    pub held: Vec<Effect>,
    /// The time between two events.
    pub pace: Duration,
}

impl Session {
    /// Opens a screen of that size.
    pub fn new(local: Local, kind: Kind, size: (u16, u16), now: Time) -> Self {
        Self::with_theme(local, kind, size, now, Theme::load_shipped("dark", false))
    }

    /// Opens a screen in a theme.
    pub fn with_theme(local: Local, kind: Kind, size: (u16, u16), now: Time, theme: Theme) -> Self {
        Self::of(Arc::new(local), kind, size, now, theme)
    }

    /// Opens a screen on any estate.
    pub fn of(estate: Arc<dyn Estate>, kind: Kind, size: (u16, u16), now: Time, theme: Theme) -> Self {
        let model = Model::new(Start {
            kind,
            site: Location {
                place: estate.location(),
                estate: estate.estate_id().expect("identity"),
                links: Some("https://sims.example".into()),
            },
            me: estate.me().clone(),
            roles: estate.roles().clone(),
            read_only: estate.read_only(),
            accounts: estate.accounts(&CancelToken::new()).expect("accounts"),
            keymap: Keymap::load_shipped("default"),
            theme,
            size,
            mouse: true,
            clipboard: "OSC 52; the terminal does not confirm",
            machine: vec![("simdeck", "0.0.0".into()), ("TERM", "xterm".into())],
            probes: crate::probe::Probes::simulate(),
            mail: false,
            now,
        });
        let mut session =
            Self { model, estate, outside: Vec::new(), hold: false, held: Vec::new(), pace: PACE };
        let effects = update::begin(&mut session.model);
        session.carry_out(effects);
        session
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut queue: std::collections::VecDeque<Effect> = effects.into();
        while let Some(effect) = queue.pop_front() {
            if self.hold {
                self.held.push(effect);
                continue;
            }
            let committed = matches!(effect, Effect::Apply { .. });
            let answer = perform::perform(
                self.estate.as_ref(),
                effect.clone(),
                &CancelToken::new(),
                &AtomicBool::new(false),
                &|_| {},
            );
            match answer {
                Some(msg) => queue.extend(update::update(&mut self.model, msg)),
                None => self.outside.push(effect),
            }
            if committed {
                queue.extend(update::update(&mut self.model, Msg::Committed));
            }
        }
    }

    /// Carries out what was held back.
    pub fn release(&mut self) {
        self.hold = false;
        let held = std::mem::take(&mut self.held);
        self.carry_out(held);
    }

    /// Takes one message.
    pub fn msg(&mut self, msg: Msg) {
        let effects = update::update(&mut self.model, msg);
        self.carry_out(effects);
    }

    /// Takes one event, at the session's pace after the one before.
    pub fn event(&mut self, event: Event) {
        self.model.at += self.pace;
        self.msg(Msg::Tick);
        self.msg(Msg::Input(event));
    }

    /// Types keys: characters, and names in angle brackets such as `<Enter>` or `<S-Down>`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in parse(keys) {
            self.event(Event::Key(key));
        }
        self.model.at += Duration::from_millis(500);
        self.msg(Msg::Tick);
        self
    }

    /// Runs an action as its key or the palette does.
    pub fn run(&mut self, action: Action) {
        let effects = update::run(&mut self.model, action);
        self.carry_out(effects);
        self.msg(Msg::Tick);
    }

    /// Pastes text.
    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.event(Event::Paste(text.to_owned()));
        self
    }

    /// The cells now.
    pub fn buffer(&self) -> Buffer {
        view::frame(&self.model).buffer
    }

    /// The characters now, a line each, without blanks at the ends.
    pub fn text(&self) -> String {
        let buffer = self.buffer();
        let line = |y: u16| {
            let cells: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            cells.trim_end().to_owned()
        };
        (0..buffer.area.height).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Fails with the whole screen unless it shows the words.
    #[track_caller]
    pub fn shows(&self, words: &str) {
        assert!(self.text().contains(words), "no \"{words}\" in\n{}", self.text());
    }

    /// Where the words begin on the screen.
    #[track_caller]
    pub fn place_of(&self, words: &str) -> (u16, u16) {
        let text = self.text();
        let found = text.lines().enumerate().find_map(|(y, line)| Some((y, line.split_once(words)?.0)));
        let (y, before) = found.unwrap_or_else(|| panic!("no \"{words}\" in\n{text}"));
        (before.chars().count() as u16, y as u16)
    }

    /// Where a click would do that.
    #[track_caller]
    pub fn hit(&self, wanted: impl Fn(Hit) -> bool) -> (u16, u16) {
        let (width, height) = self.model.size;
        (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .find(|(x, y)| wanted(hit_test::at(&self.model, *x, *y)))
            .unwrap_or_else(|| panic!("nowhere in\n{}", self.text()))
    }

    /// The button of the top dialog that says so.
    #[track_caller]
    pub fn button(&self, words: &str) -> (u16, u16) {
        let buttons = layout::buttons(&self.model);
        let found = buttons.iter().find(|(.., text)| text.contains(words));
        found.map_or_else(|| panic!("no {words} in {buttons:?}"), |(rect, ..)| (rect.x + 1, rect.y))
    }

    /// Clicks, and lets go.
    pub fn click(&mut self, button: Button, (x, y): (u16, u16)) {
        let mouse = |kind| Event::Mouse(Mouse { kind, x, y, ctrl: false, shift: false });
        self.event(mouse(MouseKind::Down(button)));
        self.event(mouse(MouseKind::Up));
    }

    /// Clicks where that would happen.
    #[track_caller]
    pub fn click_on(&mut self, button: Button, wanted: impl Fn(Hit) -> bool) {
        let at = self.hit(wanted);
        self.click(button, at);
    }

    /// How many SIMs of everything the user sees a filter matches.
    #[track_caller]
    pub fn count(&self, text: &str) -> u64 {
        let filter = Filter::parse(text).expect(text);
        let query = Query { filter, ..Query::all(self.model.me.account, self.model.now) };
        self.estate.count(&query, &CancelToken::new()).expect("count")
    }

    /// The filter in force, as text.
    pub fn filter(&self) -> String {
        self.model.query.filter.to_string()
    }
}

fn parse(keys: &str) -> Vec<Key> {
    let mut out = Vec::new();
    let mut rest = keys;
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) =
            rest.strip_prefix('<').and_then(|r| r.split_once('>')).filter(|(n, _)| !n.is_empty())
        {
            out.push(key_named(name));
            rest = after;
        } else {
            out.push(Key::char(c));
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

fn key_named(name: &str) -> Key {
    if let Some(inner) = name.strip_prefix("S-") {
        return Key { shift: true, ..key_named(inner) };
    }
    if let Some(inner) = name.strip_prefix("C-") {
        return Key { ctrl: true, ..key_named(inner) };
    }
    Key::plain(match name {
        "F1" => Code::F(1),
        "Enter" => Code::Enter,
        "Esc" => Code::Esc,
        "Tab" => Code::Tab,
        "BTab" => Code::BackTab,
        "Space" => Code::Char(' '),
        "BS" => Code::Backspace,
        "Up" => Code::Up,
        "Down" => Code::Down,
        "Left" => Code::Left,
        "Right" => Code::Right,
        "Home" => Code::Home,
        "End" => Code::End,
        "PgUp" => Code::PageUp,
        "PgDn" => Code::PageDown,
        one => Code::Char(one.chars().next().unwrap_or(' ')),
    })
}
