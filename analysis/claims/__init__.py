"""Published claims put to the records: what each says, what the records say of it, the verdict, and the page of all."""
