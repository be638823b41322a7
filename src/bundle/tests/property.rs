use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn component() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        Just(b'a'),
        Just(b'b'),
        Just(b'.'),
        any::<u8>().prop_filter("not in names", |byte| !matches!(byte, 0 | b'/')),
    ];
    let name = vec(byte, 1..20).prop_filter("a name", |name| name != b"." && name != b"..");
    prop_oneof![name, Just(vec![b'n'; 120])]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_tree_comes_back(
        files in vec((vec(component(), 1..5), vec(any::<u8>(), 0..2000), 0u32..0o1000), 0..12),
        entry in vec(any::<u8>(), 0..3000),
        text in "\\PC{1,100}",
    ) {
        let fixture = Fixture::new();
        let media = fixture.directory.path().join("media");
        fs::create_dir(&media).unwrap();
        for (components, content, mode) in files {
            let file: PathBuf = components.iter().map(|name| OsStr::from_bytes(name)).collect();
            let file = media.join(file);
            // What is a file already cannot be a directory, and the other way round.
            if fs::create_dir_all(file.parent().unwrap()).is_ok()
                && fs::write(&file, content).is_ok()
            {
                fs::set_permissions(&file, fs::Permissions::from_mode(mode | 0o600)).unwrap();
            }
        }
        let before = snapshot(&media);
        let mut writer = BundleWriter::create(&fixture.backups, &name("tree")).unwrap();
        let mut step = step("media");
        step.paths.push(writer.add_path(&fixture.data_directory, "media", &path("media")).unwrap());
        writer.add_entry("media", &text, &mut &*entry).unwrap();
        step.entries.push(text.clone());
        writer.finish(None, None, vec![step]).unwrap();
        let unpacked = fixture.unpack("tree").unwrap();
        prop_assert_eq!(snapshot(&fixture.target().join("steps/media/files/media")), before);
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut unpacked.entry("media", &text).unwrap(), &mut read).unwrap();
        prop_assert_eq!(read, entry);
    }
}
