//! Export and import are each other's inverse, on random estates with hostile text.

#[expect(dead_code, reason = "only an empty estate is needed here")]
mod common;
#[path = "common/round_trip.rs"]
mod round_trip;

use common::estate;
use estate::ImportOptions;
use proptest::prelude::*;
use round_trip::{estate_file, export, formats, import, raise_caps, sims};

proptest! {
    // Each case is an estate of 170 SIMs in six formats.
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_exported_comes_back_equal(file in estate_file()) {
        let (_dir, first) = estate();
        import(&first, file.as_bytes(), &ImportOptions::default());
        raise_caps(&first);
        let wanted = sims(&first);
        for format in formats() {
            let (_dir, second) = estate();
            import(&second, &export(&first, format), &ImportOptions::default());
            for (iccid, found) in sims(&second) {
                prop_assert_eq!(&found, &wanted[&iccid], "{:?}", format);
            }
        }
    }
}
