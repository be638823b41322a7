use std::fs;
use std::io;
use std::path::Path;

/// Folder, extension and contents of each kind of file, taken in turn.
const KINDS: [(&str, &str, Contents); 3] = [
    ("photos", "jpg", jpeg),
    ("graphics", "png", png),
    ("clips", "mp4", mp4),
];

/// Wraps a caption in what makes a file of one kind recognisable.
type Contents = fn(&[u8]) -> Vec<u8>;

/// The whole of a PNG of one transparent pixel.
const PNG_PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\
    \0\0\0\x0bIDAT\x78\xda\x63\x60\0\x02\0\0\x05\0\x01\xe9\xfa\xdc\xd8\
    \0\0\0\0IEND\xae\x42\x60\x82";

/// Writes `files` small files into folders by year, month and kind below
/// `media_dir`, which is created with the first of them.
pub fn fill_media(media_dir: &Path, files: u64) -> io::Result<()> {
    for n in 1..=files {
        let (kind, extension, contents) = KINDS[(n % 3) as usize];
        let folder = media_dir
            .join("2026")
            .join(format!("{:02}", n % 12 + 1))
            .join(kind);
        fs::create_dir_all(&folder)?;

        let caption = format!("Demo file {n}. ").repeat(20 + (n * 37 % 160) as usize);
        let path = folder.join(format!("demo-{n:06}.{extension}"));
        fs::write(path, contents(caption.as_bytes()))?;
    }
    Ok(())
}

/// A JPEG's markers around the caption as a comment segment.
fn jpeg(caption: &[u8]) -> Vec<u8> {
    // Of the caption only what a segment can hold, its own length included.
    let caption = &caption[..caption.len().min(usize::from(u16::MAX) - 2)];
    let length = (caption.len() as u16 + 2).to_be_bytes();
    [
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xfe",
        length.as_slice(),
        caption,
        b"\xff\xd9",
    ]
    .concat()
}

/// A whole PNG, with the caption after its end, where readers ignore it.
fn png(caption: &[u8]) -> Vec<u8> {
    [PNG_PIXEL, caption].concat()
}

/// An MP4's file type, then the caption as free space.
fn mp4(caption: &[u8]) -> Vec<u8> {
    let length = (caption.len() as u32 + 8).to_be_bytes();
    [
        b"\0\0\0\x18ftypisom\0\0\x02\0isommp41",
        length.as_slice(),
        b"free",
        caption,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_files_make_no_folder() {
        let dir = tempfile::tempdir().unwrap();
        let media = dir.path().join("media");
        fill_media(&media, 0).unwrap();
        assert!(!media.exists());
    }

    #[test]
    fn files_lie_several_folders_deep() {
        let dir = tempfile::tempdir().unwrap();
        fill_media(dir.path(), 30).unwrap();

        let mut folders = vec![dir.path().to_path_buf()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }

        assert_eq!(files.len(), 30);
        assert!(
            dir.path()
                .join("2026/02/graphics/demo-000001.png")
                .is_file()
        );
        for file in files {
            let size = fs::metadata(file).unwrap().len();
            assert!((200..4096).contains(&size), "{size} bytes");
        }
    }
}
