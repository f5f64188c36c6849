//! Invisible characters: Unicode's `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt),
//! except in emoji.

use std::borrow::Cow;

use icu_properties::CodePointSetData;
use icu_properties::props::{
    DefaultIgnorableCodePoint, Emoji, EmojiModifier, EmojiPresentation, ExtendedPictographic,
};

const PRESENTATION: char = '\u{fe0f}';
const JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';

fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// The first invisible character that no emoji is spelled with.
pub(crate) fn find_invisible(text: &str) -> Option<char> {
    if !text.chars().any(is_ignorable) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).find(|at| is_invisible(&chars, *at)).map(|at| chars[at])
}

/// Removes invisible characters, until none is left: the neighbours of one that went may have been
/// part of an emoji.
pub(super) fn strip_invisible(text: &str) -> Cow<'_, str> {
    if find_invisible(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut chars: Vec<char> = text.chars().collect();
    loop {
        let kept: Vec<char> =
            (0..chars.len()).filter(|at| !is_invisible(&chars, *at)).map(|at| chars[at]).collect();
        if kept.len() == chars.len() {
            return Cow::Owned(kept.into_iter().collect());
        }
        chars = kept;
    }
}

fn is_invisible(chars: &[char], at: usize) -> bool {
    is_ignorable(chars[at]) && !is_part_of_emoji(chars, at)
}

/// True for a presentation selector or a joiner in its place within an emoji (UTS #51, ED-9a and
/// ED-16).
fn is_part_of_emoji(chars: &[char], at: usize) -> bool {
    let (before, next) = chars.split_at(at);
    let next = next.get(1).copied();
    let pictograph = |c: char| CodePointSetData::new::<ExtendedPictographic>().contains(c);
    let attached = |c: char| c == PRESENTATION || CodePointSetData::new::<EmojiModifier>().contains(c);
    match (chars[at], before.last().copied()) {
        (PRESENTATION, Some(base)) if base.is_ascii() => {
            CodePointSetData::new::<Emoji>().contains(base) && next == Some(KEYCAP)
        }
        // After what is an emoji by default it would be invisible.
        (PRESENTATION, Some(base)) => {
            CodePointSetData::new::<Emoji>().contains(base)
                && !CodePointSetData::new::<EmojiPresentation>().contains(base)
        }
        (JOINER, Some(last)) => {
            let base = if attached(last) { before.iter().rev().nth(1).copied() } else { Some(last) };
            base.is_some_and(pictograph) && next.is_some_and(pictograph)
        }
        _ => false,
    }
}
