//! What must not compile.

#[test]
fn a_bad_step_id_does_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
