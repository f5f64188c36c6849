//! Pages that lie behind each other, one of them open, each scrolled by lines.

use crate::tui::term::{Code, Key};

/// Something that is a page: what its tab says, and its place among the others.
pub trait Page: Copy + PartialEq + 'static {
    /// Every page, in order.
    const ALL: &'static [Self];

    /// What its tab says.
    fn title(self) -> &'static str;
}

/// Which page is open, and how far it is scrolled.
#[derive(Debug)]
pub struct Pages<P> {
    /// The page that is open.
    pub open: P,
    /// The first line of it that is shown.
    pub top: usize,
}

impl<P: Page> Pages<P> {
    /// Begins with the first page.
    pub fn new() -> Self {
        Self { open: P::ALL[0], top: 0 }
    }

    /// Opens another one, at its top.
    pub fn open(&mut self, page: P) {
        *self = Self { open: page, top: 0 };
    }

    /// Opens the one of that tab.
    pub fn open_tab(&mut self, tab: usize) {
        self.open(P::ALL[tab % P::ALL.len()]);
    }

    fn turn(&mut self, by: usize) {
        let at = P::ALL.iter().position(|page| *page == self.open).unwrap_or(0);
        self.open_tab(at + by);
    }

    /// Takes a key that turns pages or scrolls.
    pub fn key(&mut self, key: Key) {
        match key.code {
            Code::Tab | Code::Right => self.turn(1),
            Code::BackTab | Code::Left => self.turn(P::ALL.len() - 1),
            Code::Up | Code::Char('k') => self.top = self.top.saturating_sub(1),
            Code::Down | Code::Char('j') => self.top += 1,
            Code::PageUp => self.top = self.top.saturating_sub(10),
            Code::PageDown => self.top += 10,
            Code::Home => self.top = 0,
            _ => {}
        }
    }

    /// Scrolls no further than the last of so many lines, where there is room for some.
    pub fn within(&mut self, lines: usize, room: usize) {
        self.top = self.top.min(lines.saturating_sub(room));
    }
}

impl<P: Page> Default for Pages<P> {
    fn default() -> Self {
        Self::new()
    }
}
