// @ts-check
// Magika's labels in words.

/** A label and its words a line. */
const WORDS = `
3gp 3GPP video
ace ACE archive
ai Adobe Illustrator artwork
aidl Android interface definition
apk Android package
applebplist Apple property list, binary
appleplist Apple property list
asm Assembly source
asp ASP page
autohotkey AutoHotKey script
autoit AutoIt script
awk Awk script
batch Windows batch file
bazel Bazel build file
bib BibTeX bibliography
bmp BMP image
bzip bzip2 compressed data
c C source
cab Windows cabinet archive
cat Windows catalog file
chm Compiled HTML help
clojure Clojure source
cmake CMake build file
cobol COBOL source
coff Object file, COFF
coffeescript CoffeeScript source
cpp C++ source
crt Certificate
crx Chrome extension
cs C# source
csproj .NET project file
css Style sheet
csv Comma-separated values
dart Dart source
deb Debian package
dex Android executable
dicom Medical image, DICOM
diff Differences between files
directory Folder
dm D source
dmg macOS disk image
doc Word document, before 2007
dockerfile Dockerfile
docx Word document
dsstore macOS folder settings
dwg AutoCAD drawing
dxf Drawing exchange format
elf Executable, ELF
elixir Elixir source
emf Windows enhanced metafile
eml E-mail
empty Nothing in it
epub Electronic book
erb Embedded Ruby template
erlang Erlang source
flac FLAC audio
flv Flash video
fortran Fortran source
gemfile Ruby gem list
gemspec Ruby gem specification
gif GIF image
gitattributes Git attributes
gitmodules Git submodules
go Go source
gradle Gradle build file
groovy Groovy source
gzip gzip compressed data
h5 HDF5 data
handlebars Handlebars template
haskell Haskell source
hcl HashiCorp configuration
hlp Windows help
htaccess Apache access rules
html Web page
icns macOS icon
ico Windows icon
ics Calendar
ignorefile Ignore list
ini INI configuration
internetshortcut Windows internet shortcut
ipynb Jupyter notebook
iso Disc image
jar Java archive
java Java source
javabytecode Java class file
javascript JavaScript source
jinja Jinja template
jp2 JPEG 2000 image
jpeg JPEG image
json JSON data
jsonl JSON, one value a line
julia Julia source
kotlin Kotlin source
latex LaTeX document
lha LHA archive
lisp Lisp source
lnk Windows shortcut
lua Lua source
m3u Playlist
m4 M4 macros
macho Executable, Mach-O
makefile Makefile
markdown Markdown text
matlab MATLAB source
mht Archived web page
midi MIDI music
mkv Matroska video
mp3 MP3 audio
mp4 MP4 video
mscompress Microsoft compressed data
msi Windows installer
mum Windows update manifest
npy NumPy array
npz NumPy arrays
nupkg NuGet package
objectivec Objective-C source
ocaml OCaml source
odp Presentation, OpenDocument
ods Spreadsheet, OpenDocument
odt Text document, OpenDocument
ogg Ogg audio
one OneNote notebook
onnx ONNX model
otf OpenType font
outlook Outlook message
parquet Parquet table
pascal Pascal source
pcap Network capture
pdb Windows debugging data
pdf PDF document
pebin Windows executable
pem Keys or certificates, PEM
perl Perl source
php PHP source
pickle Python pickle
png PNG image
po Translations, gettext
postscript PostScript document
powershell PowerShell script
ppt PowerPoint presentation, before 2007
pptx PowerPoint presentation
prolog Prolog source
proteindb Protein structure
proto Protocol buffer definition
psd Photoshop image
python Python source
pythonbytecode Python bytecode
pytorch PyTorch model
qt QuickTime video
r R source
rar RAR archive
rdf Resource description, RDF
rpm RPM package
rst reStructuredText
rtf Rich text
ruby Ruby source
rust Rust source
scala Scala source
scss SCSS style sheet
sevenzip 7-Zip archive
sgml SGML document
shell Shell script
smali Smali source
snap Snap package
solidity Solidity source
sql SQL queries
sqlite SQLite database
squashfs SquashFS file system
srt Subtitles
stlbinary 3D model, binary STL
stltext 3D model, STL
sum Checksums
svg SVG drawing
swf Flash animation
swift Swift source
tar TAR archive
tcl Tcl script
textproto Protocol buffer, as text
tga TGA image
thumbsdb Windows thumbnails
tiff TIFF image
toml TOML configuration
torrent BitTorrent metadata
tsv Tab-separated values
ttf TrueType font
twig Twig template
txt Plain text
typescript TypeScript source
unknown Unknown binary data
vba VBA macros
vcxproj Visual Studio project
verilog Verilog source
vhdl VHDL source
vtt Web subtitles
vue Vue component
wasm WebAssembly module
wav WAV audio
webm WebM video
webp WebP image
winregistry Windows registry data
wmf Windows metafile
woff Web font, WOFF
woff2 Web font, WOFF2
xar XAR archive
xls Excel workbook, before 2007
xlsb Excel workbook, binary
xlsx Excel workbook
xml XML data
xpi Firefox extension
xz XZ compressed data
yaml YAML data
yara YARA rules
zig Zig source
zip ZIP archive
zlibstream zlib compressed data
`;

/** @type {Map<string, string>} */
const words = new Map(
  WORDS.trim()
    .split("\n")
    .map((line) => /** @type {[string, string]} */ (line.split(/ (.*)/, 2))),
);

/** What a label means. @param {string} label */
export function describe(label) {
  return words.get(label) ?? "";
}
