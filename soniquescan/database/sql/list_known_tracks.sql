-- The tracks under a folder, as lines to be compared with those of `FoundFolder`. Null for the size where the file is to
-- be read again whatever it is like.
select path,
       case when extractor_version = {extractor_version} and not {full} then size_bytes end,
       mtime_ns,
       ctime_ns,
       inode,
       cover_name
  from tracks
 where missing_since is null
   and starts_with(path, {within})
