-- Take in what files of a first load say of artists, genres and albums, as it is staged: what merge_names.sql does where
-- nothing was known before the scan. Each name is staged once, unless its batch comes again, and stands for itself until
-- settle.sql works out what all files together say.

insert into artist_names
     select *
       from staged_artist_names
on conflict do nothing;

insert into genre_names
     select *
       from staged_genre_names
on conflict do nothing;

insert into album_tags
     select *
       from staged_album_tags
on conflict do nothing;

-- The artists and albums that they stand for are noted by add_named.sql, as nothing has settled them since they were added.
insert into unsettled (kind, id)
     select 'artist', name_key from staged_artist_names
      union
     select 'genre',  genre_id from staged_genre_names
on conflict do nothing;
