// A Copy is what a page knows of a group. It is built from events alone.
export class Copy {
  constructor() {
    this.version = 0;
    this.name = this.announcement = "";
    this.members = new Map(); // user → role
    this.muted = new Set();
    this.owner = undefined;
  }

  // apply applies the next event. It returns false for one that came before.
  apply(e) {
    if (e.kind !== "checkpoint" && e.version <= this.version) return false;
    this.version = e.version;
    const users = e.users ?? [];
    switch (e.kind) {
      case "checkpoint":
        this.replace(e.checkpoint, e.part ?? 0);
        break;
      case "group_created":
        this.owner = users[0];
      // fallthrough: it has the same changes
      case "group_updated":
        for (const c of e.changes ?? []) if (c.field === "name") this.name = c.after ?? "";
        break;
      case "announcement_changed":
        for (const c of e.changes ?? []) this.announcement = c.after ?? "";
        break;
      case "owner_changed":
        this.members.set(this.owner, "member");
        this.members.set((this.owner = users[0]), "owner");
        break;
      default:
        for (const user of users) this.applyTo(user, e.kind);
    }
    return true;
  }

  applyTo(user, kind) {
    switch (kind) {
      case "member_joined":
        this.members.set(user, user === this.owner ? "owner" : "member");
        break;
      case "member_left":
        this.members.delete(user);
        break;
      case "admin_added":
        this.members.set(user, "admin");
        break;
      case "admin_removed":
        this.members.set(user, "member");
        break;
      case "member_muted":
        this.muted.add(user);
        break;
      case "member_unmuted":
      case "mute_expired":
        this.muted.delete(user);
        break;
    }
  }

  // replace takes a checkpoint. The parts after the first one add to it.
  replace(state, part) {
    if (part === 0) {
      this.members.clear();
      this.muted.clear();
    }
    this.name = state.group.name;
    this.owner = state.group.owner;
    this.announcement = state.announcement?.text ?? "";
    for (const m of state.members ?? []) this.members.set(m.user, m.role);
    for (const m of state.mutes ?? []) this.muted.add(m.user);
  }
}
