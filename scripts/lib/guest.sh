# What makes a guest of Debian's packages, for scripts/make-guest and scripts/make-scsi-debug-guest to source.
#
# Who sources it sets: script (its name), folder (where the guest goes), release, arch, triplet, packages (an array), kernel_package
# and loose (an array of packages that are wanted without their dependencies), megabytes (to be downloaded), modules (an array).
# `begin` sets: work (a folder that goes away at the end), apt_root, image (the folder that becomes the initramfs).

say() { echo "$script: $*"; }
fail() {
  echo "$script: $*" >&2
  exit 1
}

# Each as program:package.
require_tools() {
  local need
  for need in apt-get:apt dpkg-deb:dpkg cpio:cpio readelf:binutils flock:util-linux sha256sum:coreutils "$@"; do
    command -v "${need%%:*}" >/dev/null || fail "${need%%:*} is missing: install the Debian package ${need##*:}"
  done
}

# The first mirror that the machine itself uses for this release, else Debian's own.
mirror() {
  local found
  found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    awk -v release="$release" '$2 == release && $3 == "main" { print $1; exit }') || true
  echo "${found:-http://deb.debian.org/debian}"
}

# Only the release itself: the guest faces no network, so security and point updates would add downloads, not safety.
make_apt_root() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ -e "$keyring" ] || fail "$keyring is missing: install the Debian package debian-archive-keyring"
  mkdir -p "$apt_root"/{lists,archives}/partial
  : >"$apt_root/status"
  echo "deb [signed-by=$keyring] $(mirror) $release main" >"$apt_root/sources.list"
  # Read before the machine's files and instead of them: their hooks (docker-clean, say) would reach outside FOLDER.
  # What they say about fetching (proxies) is kept.
  cat >"$apt_root/apt.conf" <<CONF
$(apt-config dump Acquire)
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "$apt_root/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$apt_root";
Dir::State::lists "$apt_root/lists";
Dir::State::status "$apt_root/status";
Dir::Cache "$apt_root";
Dir::Cache::archives "$apt_root/archives";
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
CONF
  export APT_CONFIG=$apt_root/apt.conf
}

download() {
  local kernel log=$work/apt.log
  say "reading Debian's package lists ($(mirror))"
  if ! apt-get -q update >"$log" 2>&1; then
    compgen -G "$apt_root/lists/*_Packages*" >/dev/null ||
      fail "Debian's package lists can't be fetched; is there a network?"$'\n'"$(grep '^E:' "$log" || cat "$log")"
    say "no fresh package lists; going on with those kept"
  fi
  # Without the dependencies (initramfs-tools and its kin) that only an installed system needs.
  kernel=$(apt-cache depends "$kernel_package" | awk '/Depends: linux-image/ { print $2; exit }')
  [ -n "$kernel" ] || fail "$release has no $kernel_package for $arch"
  say "downloading $kernel, ${packages[*]} and their libraries (about $megabytes MB, once)"
  apt-get -q autoclean >/dev/null
  apt-get -q -y install --download-only "${packages[@]}" >"$log" 2>&1 ||
    fail "packages can't be downloaded"$'\n'"$(grep '^E:' "$log" || cat "$log")"
  (cd "$apt_root/archives" && apt-get -q download "$kernel" "${loose[@]}") >"$log" 2>&1 ||
    fail "$kernel ${loose[*]} can't be downloaded"$'\n'"$(grep '^E:' "$log" || cat "$log")"
}

unpack() {
  local package
  say "unpacking"
  mkdir "$work/system"
  for package in "$apt_root"/archives/*.deb; do
    dpkg-deb -x "$package" "$work/system"
  done
}

# BusyBox, which the guest's first shell and modprobe are.
add_busybox() {
  mkdir -p "$image"/{bin,sbin,usr/bin,usr/sbin,lib64,"lib/$triplet"}
  cp "$work/system/bin/busybox" "$image/bin/"
  ln -s busybox "$image/bin/sh"
  # The kernel asks for modules by this path.
  ln -s ../bin/busybox "$image/sbin/modprobe"
}

# Prints a module's path below its version's folder. File names use - and _ where `depends` always uses _.
module_path() {
  (cd "$module_root" && find kernel -name "${1//[-_]/[-_]}.ko" -print -quit)
}

# Prints the paths of all modules below the one at a path, the nearest first, as a line of modules.dep lists them.
dependencies() {
  local name path
  for name in $(readelf -p .modinfo "$module_root/$1" | sed -n 's/.*\] *depends=//p' | tr , ' '); do
    path=$(module_path "$name")
    [ -n "$path" ] || fail "the kernel package has no module $name"
    echo "$path"
    dependencies "$path"
  done
}

# Copies a module and those it depends on; a line for each in modules.dep, which modprobe reads.
add_module() {
  local path=$1 below
  [ ! -e "$module_target/$path" ] || return 0
  below=$(dependencies "$path")
  install -D -m 644 "$module_root/$path" "$module_target/$path"
  echo "$path:" $below >>"$module_target/modules.dep"
  for path in $below; do
    add_module "$path"
  done
}

add_modules() {
  local name path
  module_root=$(echo "$work"/system/lib/modules/*)
  module_target=$image/lib/modules/${module_root##*/}
  mkdir -p "$module_target"
  for name in "${modules[@]}"; do
    path=$(module_path "$name")
    [ -n "$path" ] || fail "the kernel package has no module $name"
    add_module "$path"
  done
}

# Prints what becomes the initramfs.
archive() {
  (cd "$image" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
    cpio --quiet --null --create --format=newc --owner=0:0 --reproducible)
}

# Goes on when the guest is to be made, and alone; ends the script when `made` says that it is there.
begin() {
  mkdir -p "$folder"
  folder=$(cd "$folder" && pwd)
  made && exit 0
  # Two who want the guest at the same time: the second waits, then finds it made.
  exec 9>"$folder/lock"
  flock 9
  made && exit 0
  work=$(mktemp -d "$folder/work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  apt_root=$folder/cache
  image=$work/image
  make_apt_root
  download
  unpack
  mkdir "$image"
}
