-- Whom the order goes to, sealed: opened where it is shown. Erased: there was one, and the person has been erased.
ALTER TABLE {schema}.order_view
  ADD COLUMN recipient        text,
  ADD COLUMN recipient_erased boolean NOT NULL DEFAULT false;
