-- The changes that config/quickstart.sh writes to the source once both mirrors run.
BEGIN;
INSERT INTO public.users (id, name, email) VALUES (5001, 'Ada', 'ada@example.com'), (5002, 'Grace', NULL);
UPDATE public.users SET active = false, email = 'new@example.com' WHERE id = 7;
UPDATE public.users SET id = 6001 WHERE id = 11;
DELETE FROM public.users WHERE id = 13;
COMMIT;
UPDATE public.orders SET total = total + 1, details = details || '{"paid": true}' WHERE id % 1000 = 0;
DELETE FROM public.orders WHERE id BETWEEN 501 AND 510;
INSERT INTO public.orders (user_id, total, tags, details) VALUES (5001, 99.90, ARRAY['new', NULL], '{"channel": "shop"}');
