-- Whether nothing is there that a track could have to do with: no other track, nothing that tracks refer to, no problem
-- that it could have had, and no scan that would have to tell of it as new.
select not exists (select from tracks)
   and not exists (select from album_tags)
   and not exists (select from artist_names where name <> 'Various Artists')
   and not exists (select from genre_names)
   and not exists (select from file_errors)
   and not exists (select from other_files)
   and not exists (select from roots where scanned_at is not null);
