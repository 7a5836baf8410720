"""How fast Yingda is, measured from outside, and where its time goes, measured from inside."""
