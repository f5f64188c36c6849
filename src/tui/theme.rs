//! Few colours in a file, many styles in code. Every state is a word or a glyph first and a colour
//! second.

use estate::Status;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::term::{Capabilities, ColorDepth};
use crate::config::{Config, read_toml};
use crate::failure::Failure;
use crate::folders::config_dir;
use crate::zone::Zone;

const SHIPPED: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("contrast", include_str!("../../themes/contrast.toml")),
    ("mono", include_str!("../../themes/mono.toml")),
];

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Colours {
    text: Option<Spanned<String>>,
    accent: Option<Spanned<String>>,
    good: Option<Spanned<String>>,
    warn: Option<Spanned<String>>,
    bad: Option<Spanned<String>>,
    border: Option<Spanned<String>>,
    mark: Option<Spanned<String>>,
}

/// The colours in force, the glyphs, and the zone that times are shown in.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each is named for what it colours")]
pub struct Theme {
    pub text: Style,
    pub accent: Style,
    pub good: Style,
    pub warn: Style,
    pub bad: Style,
    pub border: Style,
    pub mark: Style,
    pub ascii: bool,
    pub zone: Zone,
}

impl Theme {
    /// A shipped theme.
    pub fn load_shipped(name: &str, ascii: bool) -> Self {
        let (_, text) = SHIPPED.iter().find(|(n, _)| *n == name).unwrap_or(&SHIPPED[0]);
        Self::of(&toml::from_str(text).unwrap_or_default(), &Colours::default(), ascii)
            .unwrap_or_else(|_| Self::bare(ascii))
    }

    fn bare(ascii: bool) -> Self {
        let s = Style::new();
        Self { text: s, accent: s, good: s, warn: s, bad: s, border: s, mark: s, ascii, zone: Zone::Utc }
    }

    /// The theme the configuration asks for, as far as the terminal can show it.
    pub fn load(config: &Config, terminal: &Capabilities) -> Result<Self, Failure> {
        let ascii = config.ascii.unwrap_or(terminal.ascii);
        let path = config_dir().join("theme.toml");
        let own: Colours = read_toml(&path)?;
        let name = config.theme.as_deref().unwrap_or(if terminal.light { "light" } else { "dark" });
        let Some((_, text)) = SHIPPED.iter().find(|(n, _)| *n == name) else {
            let known: Vec<&str> = SHIPPED.iter().map(|(n, _)| *n).collect();
            return Err(Failure::Config(format!("theme = \"{name}\": there are {}", known.join(", "))));
        };
        let base: Colours = toml::from_str(text).unwrap_or_default();
        let theme = Self::of(&base, &own, ascii).map_err(|(at, why)| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
            Failure::Config(format!("{}:{line}: {why}", path.display()))
        })?;
        let theme =
            if terminal.tier == ColorDepth::Mono { Self::load_shipped("mono", ascii) } else { theme };
        Ok(Self { zone: config.display.time, ..theme })
    }

    /// Builds a theme. An error has the place of the colour in the text of `own`.
    fn of(base: &Colours, own: &Colours, ascii: bool) -> Result<Self, (usize, String)> {
        let style = |own: &Option<Spanned<String>>, base: &Option<Spanned<String>>| {
            let Some(name) = own.as_ref().or(base.as_ref()).filter(|name| name.get_ref() != "default")
            else {
                return Ok(Style::new());
            };
            let colour = colour(name.get_ref()).map_err(|why| (name.span().start, why))?;
            Ok(Style::new().fg(colour))
        };
        Ok(Self {
            text: style(&own.text, &base.text)?,
            accent: style(&own.accent, &base.accent)?,
            good: style(&own.good, &base.good)?,
            warn: style(&own.warn, &base.warn)?,
            bad: style(&own.bad, &base.bad)?,
            border: style(&own.border, &base.border)?,
            mark: style(&own.mark, &base.mark)?,
            ascii,
            zone: Zone::Utc,
        })
    }

    /// Headings.
    pub fn title(&self) -> Style {
        self.accent.add_modifier(Modifier::BOLD)
    }

    /// The row under the cursor.
    pub fn cursor(&self) -> Style {
        Style::new().fg(Color::Reset).add_modifier(Modifier::REVERSED)
    }

    /// What is said beside the point.
    pub fn quiet(&self) -> Style {
        self.text.add_modifier(Modifier::DIM)
    }

    /// A status word.
    pub fn status(&self, status: Status) -> Style {
        match status {
            Status::Active => self.good,
            Status::Alerted => self.warn,
            Status::Blocked => self.bad.add_modifier(Modifier::BOLD),
            Status::Suspended | Status::ActivationPending => self.warn,
            Status::Inactive | Status::Terminated | Status::Unmanaged => self.quiet(),
        }
    }

    /// One of two glyphs: the second where only ASCII shows.
    pub fn glyph(&self, fine: &'static str, plain: &'static str) -> &'static str {
        if self.ascii { plain } else { fine }
    }
}

fn colour(name: &str) -> Result<Color, String> {
    let named = |name: &str| {
        Some(match name {
            "black" => Color::Black,
            "red" => Color::Red,
            "green" => Color::Green,
            "yellow" => Color::Yellow,
            "blue" => Color::Blue,
            "magenta" => Color::Magenta,
            "cyan" => Color::Cyan,
            "white" => Color::Gray,
            "bright-black" => Color::DarkGray,
            "bright-red" => Color::LightRed,
            "bright-green" => Color::LightGreen,
            "bright-yellow" => Color::LightYellow,
            "bright-blue" => Color::LightBlue,
            "bright-magenta" => Color::LightMagenta,
            "bright-cyan" => Color::LightCyan,
            "bright-white" => Color::White,
            _ => return None,
        })
    };
    let hex = |name: &str| {
        let digits = name.strip_prefix('#').filter(|d| d.len() == 6)?;
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Color::Rgb(part(0)?, part(2)?, part(4)?))
    };
    named(name).or_else(|| hex(name)).ok_or_else(|| format!("\"{name}\" is no colour"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_themes_are_whole() {
        for (name, text) in SHIPPED {
            let colours: Colours = toml::from_str(text).expect(name);
            assert!(Theme::of(&colours, &Colours::default(), false).is_ok(), "{name}");
            let all = [
                &colours.text,
                &colours.accent,
                &colours.good,
                &colours.warn,
                &colours.bad,
                &colours.border,
                &colours.mark,
            ];
            assert!(all.iter().all(|c| c.is_some()), "{name}");
        }
    }

    #[test]
    fn colours_are_the_terminals_own() {
        assert_eq!(colour("cyan"), Ok(Color::Cyan));
        assert_eq!(colour("#102030"), Ok(Color::Rgb(16, 32, 48)));
        assert!(colour("mauve").is_err());
        let mono = Theme::load_shipped("mono", true);
        assert_eq!((mono.bad, mono.mark), (Style::new(), Style::new()));
    }
}
