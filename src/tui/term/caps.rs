//! What the terminal can show, by its environment alone: questions asked at run time come back as
//! typed text.

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// None: bold, reverse and words only.
    Mono,
    /// The terminal's own sixteen.
    Ansi,
    /// 256 and more.
    Many,
}

/// What the environment says of the terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Colours.
    pub tier: ColorDepth,
    /// Lines and marks in ASCII only.
    pub ascii: bool,
    /// Whether the session comes over SSH.
    pub ssh: bool,
    /// Whether the terminal says that its background is light (COLORFGBG, set by some).
    pub light: bool,
    term: String,
    tmux: bool,
}

impl Capabilities {
    /// Reads the environment.
    pub fn of_env() -> Self {
        Self::of(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Reads an environment.
    pub fn of(var: impl Fn(&str) -> Option<String>) -> Self {
        let term = var("TERM").unwrap_or_default();
        let plain = var("NO_COLOR").is_some()
            || term.is_empty()
            || term == "dumb"
            || term.starts_with("vt1")
            || term.starts_with("vt2");
        // GNU screen passes COLORTERM on and then garbles RGB into black on black.
        let screen = term.starts_with("screen") && var("TMUX").is_none();
        let many = term.contains("256color") || var("COLORTERM").is_some();
        let tier = match () {
            () if plain => ColorDepth::Mono,
            () if many && !screen => ColorDepth::Many,
            () => ColorDepth::Ansi,
        };
        let locale =
            var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self {
            tier,
            ascii: !utf8,
            ssh: var("SSH_CONNECTION").is_some() || var("SSH_TTY").is_some(),
            light: var("COLORFGBG").is_some_and(|v| matches!(v.rsplit(';').next(), Some("7" | "15"))),
            tmux: var("TMUX").is_some(),
            term,
        }
    }

    /// The multiplexer around us.
    pub fn multiplexer(&self) -> &'static str {
        match () {
            () if self.tmux => "tmux",
            () if self.term.starts_with("screen") => "GNU screen",
            () => "none",
        }
    }

    /// The colours in words.
    pub fn colours(&self) -> &'static str {
        match self.tier {
            ColorDepth::Mono => "none (bold, reverse and words)",
            ColorDepth::Ansi => "the terminal's own 16",
            ColorDepth::Many => "256 or more; the shipped themes use the terminal's own 16",
        }
    }

    /// What becomes of a copy.
    pub fn clipboard(&self) -> &'static str {
        match self.multiplexer() {
            "tmux" => "OSC 52; needs `set -g set-clipboard on` in tmux",
            "GNU screen" => "OSC 52 does not pass GNU screen; export to a file instead",
            _ => "OSC 52; the terminal does not confirm",
        }
    }

    /// What becomes of Shift+click.
    pub fn shift_click(&self) -> &'static str {
        "most terminals keep it for text; use gutter drag, v then click, or the menu"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(pairs: &[(&str, &str)]) -> Capabilities {
        Capabilities::of(|name| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    #[test]
    fn colours_by_environment() {
        assert_eq!(caps(&[("TERM", "xterm-256color")]).tier, ColorDepth::Many);
        assert_eq!(caps(&[("TERM", "xterm")]).tier, ColorDepth::Ansi);
        assert_eq!(caps(&[("TERM", "dumb")]).tier, ColorDepth::Mono);
        assert_eq!(caps(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]).tier, ColorDepth::Mono);
        assert_eq!(
            caps(&[("TERM", "screen.xterm-256color"), ("COLORTERM", "truecolor")]).tier,
            ColorDepth::Ansi
        );
        assert_eq!(caps(&[("TERM", "screen-256color"), ("TMUX", "/tmp/x")]).tier, ColorDepth::Many);
    }

    #[test]
    fn the_c_locale_gets_ascii() {
        assert!(caps(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]).ascii);
        assert!(!caps(&[("TERM", "xterm"), ("LANG", "en_GB.UTF-8")]).ascii);
        assert!(!caps(&[("TERM", "xterm"), ("LANG", "C.utf8")]).ascii);
    }
}
